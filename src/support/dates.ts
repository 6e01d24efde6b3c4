// Dates as values. A test's fake timers put a class of their own in the place of `Date`: dates made before are then of one class, those
// made since of another, and both are dates.

const RealDate = Date

/** Exactly a date, not an instance of a class of the application that extends it, and without properties of its own. */
export function isExactlyDate(value: object): value is Date {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === RealDate.prototype) return Reflect.ownKeys(value).length === 0
  // Sinon's fake timers, which Vitest and Jest use, give each date a `constructor` of its own.
  return prototype === Date.prototype && Reflect.ownKeys(value).every((key) => key === 'constructor')
}

/** A copy of the same class. */
export function copyDate(value: Date): Date {
  const time = value.getTime()
  return Object.getPrototypeOf(value) === RealDate.prototype ? new RealDate(time) : new Date(time)
}
