// What no cache can do with less: a promise found in a Map, or a copy by hand of what was found there. Nothing expires, nothing is
// counted, nothing can be invalidated. They show how near to the target a target is.
import type { Load, Peer } from './peer.ts'

/** The stored promise itself: what is shared costs at least this. */
export const storedPromise: Peer = {
  name: 'bound (stored promise)',
  shapes: ['cached', 'getOrSet'],
  copies: false,
  open: (shape) => ({
    wrap: (load) => {
      const promises = new Map<string, Promise<unknown>>()
      if (shape === 'cached') return (id) => promises.get(id) ?? stored(promises, id, load)
      // What a caller makes for each call: a function, and the options.
      return (id) => getOrSet(promises, id, () => load(id), { ttl: '1h', isolation: 'frozen' })
    },
  }),
}

function getOrSet(
  promises: Map<string, Promise<unknown>>,
  id: string,
  load: () => Promise<unknown>,
  options: { readonly ttl: string; readonly isolation: string },
): Promise<unknown> {
  if (options.isolation !== 'frozen') throw new Error('This one shares')
  return promises.get(id) ?? stored(promises, id, load)
}

function stored(promises: Map<string, Promise<unknown>>, id: string, load: Load): Promise<unknown> {
  const promise = load(id)
  promises.set(id, promise)
  return promise
}

interface Verdict {
  readonly reasons: readonly string[]
}

/** A copy of the 90 B, written out for this one shape. */
export const copyByHand: Peer = {
  name: 'bound (copy by hand)',
  shapes: ['cached'],
  copies: true,
  open: () => ({
    wrap: (load) => {
      const values = new Map<string, Verdict>()
      return (id) => {
        const value = values.get(id)
        return value === undefined
          ? copiedLater(values, id, load)
          : Promise.resolve({ ...value, reasons: value.reasons.slice() })
      }
    },
  }),
}

async function copiedLater(values: Map<string, Verdict>, id: string, load: Load): Promise<Verdict> {
  const value = (await load(id)) as Verdict
  values.set(id, value)
  return { ...value, reasons: value.reasons.slice() }
}
