// `{ ...value }`, in many places of the source. The engine remembers at each place the shapes it has met there (V8: up to four) and then
// copies an object of a known shape several times faster than property by property. So objects of one shape always go through the
// same place, objects of other shapes most often through others. The choice is never visible in the result.

export const sites = 32

/** The place for objects that have as many keys, and the same first and last one. */
export function siteOf(count: number, first: string, last: string): number {
  return (
    (count * 5 + first.length * 7 + last.length * 11 + (first.charCodeAt(0) & 31) + (last.charCodeAt(0) & 31) * 3) %
    sites
  )
}

/** A shallow copy; an own `__proto__` stays an own property. */
export function spread(site: number, v: object): object {
  switch (site) {
    case 0:
      return { ...v }
    case 1:
      return { ...v }
    case 2:
      return { ...v }
    case 3:
      return { ...v }
    case 4:
      return { ...v }
    case 5:
      return { ...v }
    case 6:
      return { ...v }
    case 7:
      return { ...v }
    case 8:
      return { ...v }
    case 9:
      return { ...v }
    case 10:
      return { ...v }
    case 11:
      return { ...v }
    case 12:
      return { ...v }
    case 13:
      return { ...v }
    case 14:
      return { ...v }
    case 15:
      return { ...v }
    case 16:
      return { ...v }
    case 17:
      return { ...v }
    case 18:
      return { ...v }
    case 19:
      return { ...v }
    case 20:
      return { ...v }
    case 21:
      return { ...v }
    case 22:
      return { ...v }
    case 23:
      return { ...v }
    case 24:
      return { ...v }
    case 25:
      return { ...v }
    case 26:
      return { ...v }
    case 27:
      return { ...v }
    case 28:
      return { ...v }
    case 29:
      return { ...v }
    case 30:
      return { ...v }
    default:
      return { ...v }
  }
}
