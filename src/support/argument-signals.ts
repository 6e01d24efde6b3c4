import { unreadableArgument } from './argument-hash.ts'
import { isPlain } from './plain.ts'

// Abort signals among the arguments of a call: found, left out of the key, and put back for the function with the flight's signal in
// their place. Only two places count: an argument that is a signal, and the own `signal` property of an argument that is a plain
// object. What is deeper, in an array or in a class instance is the caller's data and stays what it is (and cannot be hashed).
//
// A `signal` that is an accessor is never read here: it could answer each reading differently. Nothing here changes the caller's
// array or objects, and nothing but `withoutSignals` throws: an argument that cannot be looked at has no signal.

/** The signals among the arguments, `undefined` when there are none. */
export function signalsIn(args: readonly unknown[]): AbortSignal[] | undefined {
  let found: AbortSignal[] | undefined
  for (const arg of args) {
    const signal = signalOf(arg)
    if (signal !== undefined && signal !== 'empty') (found ??= []).push(signal)
  }
  return found
}

/**
 * The arguments as they count for the key: no signals, and `{ signal: undefined }` is `{}`. The same array when nothing is to be left
 * out. An object with a `toCacheKey()` decides for itself.
 *
 * @throws {TypeError} `CACHE_UNHASHABLE_ARGUMENT` when an object with a signal cannot be read
 */
export function withoutSignals(args: readonly unknown[]): readonly unknown[] {
  let changed: unknown[] | undefined
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]
    const signal = signalOf(arg)
    if (signal === undefined) continue
    changed ??= [...args]
    changed[index] = signal === arg ? undefined : withoutProperty(arg as WithSignal, index)
  }
  return changed ?? args
}

/** The arguments for the function: `signal` in place of each signal, in copies of the objects that hold one. */
export function withSignal(args: readonly unknown[], signal: AbortSignal): unknown[] {
  return args.map((arg) => {
    const found = signalOf(arg)
    if (found === undefined || found === 'empty') return arg
    return found === arg ? signal : withProperty(arg as WithSignal, signal)
  })
}

type WithSignal = Readonly<Record<string, unknown>>

/** The argument itself if it is a signal, the signal it holds, or `empty` if it has the property without one. */
function signalOf(arg: unknown): AbortSignal | 'empty' | undefined {
  if (typeof arg !== 'object' || arg === null) return undefined
  try {
    if (Array.isArray(arg)) return undefined
    if (!isPlain(arg)) return isSignal(arg) ? arg : undefined
    if (!Object.hasOwn(arg, 'signal')) return undefined
    const property = Object.getOwnPropertyDescriptor(arg, 'signal')
    if (property === undefined || property.get !== undefined || property.set !== undefined) return undefined
    const value: unknown = property.value
    if (value === undefined) return 'empty'
    return typeof value === 'object' && value !== null && isSignal(value) ? value : undefined
  } catch {
    // A proxy that throws, or was revoked.
    return undefined
  }
}

/** By shape as well: a polyfill, a DOM in tests and another realm have classes of their own. */
function isSignal(value: object): value is AbortSignal {
  if (value instanceof AbortSignal) return true
  if (Object.prototype.toString.call(value) !== '[object AbortSignal]' || isPlain(value)) return false
  const { aborted, addEventListener } = value as { readonly aborted?: unknown; readonly addEventListener?: unknown }
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
}

function withoutProperty(arg: WithSignal, index: number): object {
  try {
    if (typeof arg['toCacheKey'] === 'function') return arg
    const { signal: _, ...rest } = arg
    return rest
  } catch (error) {
    throw unreadableArgument(index, error)
  }
}

/** By descriptors, so that the getters of the object stay getters. */
function withProperty(arg: WithSignal, signal: AbortSignal): object {
  const properties: Record<string, PropertyDescriptor> = Object.getOwnPropertyDescriptors(arg)
  properties['signal'] = { ...properties['signal'], value: signal }
  return Object.create(Object.getPrototypeOf(arg) as object | null, properties) as object
}
