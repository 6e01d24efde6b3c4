import type { HealthReport } from './contracts/health.ts'
import type { CacheStats } from './contracts/statistics.ts'
import type { Engine } from './core/engine.ts'

// What a cache tells of itself. No key, no value, no secret.

export async function healthOf(engine: Engine): Promise<HealthReport> {
  await engine.ready()
  const started = engine.runtime.monotonic()
  const primary = (await engine.store?.ping()) ?? false
  const latencyMs = engine.runtime.monotonic() - started
  // Read after the ping: it may have changed the state.
  const { state, settings, store } = engine
  return {
    status: state === 'idle' || state === 'closed' ? 'disconnected' : state,
    backend: settings?.backendName ?? 'none',
    primary,
    fallback: store?.isEmbedded === false && settings?.createFallback !== undefined ? 'memory' : 'none',
    breaker: store?.breaker ?? 'closed',
    since: new Date(engine.life.since),
    latencyMs: primary ? latencyMs : null,
    l1: store?.l1 ?? 'off',
    stalenessBoundMs: store?.stalenessBoundMs ?? 0,
    tags: store?.tagsAreShared === true ? 'shared' : 'process',
    limits: settings?.backend.link?.limits ?? [],
  }
}

export function statsOf({ statistics, store, life }: Engine): CacheStats {
  const memory = store?.memory
  return {
    ...statistics.snapshot(),
    memory:
      memory === undefined
        ? undefined
        : { entries: memory.size, bytes: memory.bytes, maxBytes: memory.maxBytes, evictions: memory.evictions },
    journal: store?.journalSize ?? 0,
    state: life.state,
    outages: life.outages,
  }
}
