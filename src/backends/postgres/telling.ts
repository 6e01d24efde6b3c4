// What one notification says: see `change-functions.ts`.

export type Telling = readonly [changes: number, origin: string, kind: string, keys: readonly string[]]

/** Anybody may notify on a channel: what is not ours tells of nothing, and so of anything. */
export function telling(payload: string): Telling {
  try {
    const parts: unknown = JSON.parse(payload)
    if (Array.isArray(parts)) {
      const [changes, origin, kind, keys] = parts as readonly unknown[]
      if (typeof origin === 'string' && typeof kind === 'string' && Array.isArray(keys)) {
        return [Number(changes), origin, kind, keys as readonly string[]]
      }
    }
  } catch {
    // Not ours.
  }
  return [0, '', '*', []]
}
