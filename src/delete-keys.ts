import type { View } from './cache-view.ts'
import { fullKey } from './cache-view.ts'
import type { Invalidation } from './contracts/events.ts'

// The one way a key is deleted, whoever asks: the loads in flight are made void before the store hears of it, and what was read
// meanwhile is made void when the store has answered.

export async function deleteKeys(view: View, keys: readonly string[]): Promise<Invalidation> {
  const { engine } = view
  const full = keys.map((key) => fullKey(view, key))
  const { fence } = engine.reads.flights
  for (const key of full) {
    engine.reads.order.changed(key)
    fence.void(key)
  }
  const { store } = engine
  const outcome = store === undefined ? 'disabled' : full.length === 0 ? 'applied' : await store.delete(full)
  // A read sent before the store knew may still bring the old value.
  for (const key of full) fence.voidReads(key)
  if (engine.emitter.hears('invalidate'))
    engine.emitter.emit('invalidate', { target: { keys }, origin: 'local', outcome })
  return outcome
}
