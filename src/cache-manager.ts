import { Namespace } from './cache-namespace.ts'
import { viewOf } from './cache-view.ts'
import type { CacheBackend } from './contracts/backend.ts'
import type { CacheManager as CacheManagerInterface, CacheManagerConstructor } from './contracts/cache-manager.ts'
import type { CacheOptions } from './contracts/cache-options.ts'
import type { HealthReport } from './contracts/health.ts'
import { Engine } from './core/engine.ts'
import { healthOf } from './report.ts'
import { asOptions, resolveSettings } from './settings.ts'
import { createLog } from './support/log.ts'
import { systemRuntime } from './support/runtime.ts'

// A cache with its life: the whole of which namespaces are parts.

class Manager extends Namespace implements CacheManagerInterface {
  constructor(backendOrOptions?: CacheBackend | CacheOptions) {
    const options = backendOrOptions === unopened ? undefined : asOptions(backendOrOptions)
    const engine = new Engine(options?.runtime ?? systemRuntime, createLog(undefined, 'warn'))
    super({ engine, prefix: '', impliedTags: [] })
    if (options !== undefined) engine.prepare(resolveSettings(options))
  }

  async healthCheck(): Promise<boolean> {
    const { engine } = viewOf(this)
    await engine.ready()
    return (await engine.store?.ping()) ?? false
  }

  async healthReport(): Promise<HealthReport> {
    return await healthOf(viewOf(this).engine)
  }

  async init(): Promise<this> {
    await viewOf(this).engine.init()
    return this
  }

  async drain(): Promise<void> {
    await viewOf(this).engine.drain()
  }

  async close(): Promise<void> {
    await viewOf(this).engine.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** Marks the default manager, which has no settings before `initCache`. */
export const unopened: CacheOptions = Object.freeze({})

/**
 * A cache over a backend: `new CacheManager(backend)`, or options; without either, Redis as the environment says.
 *
 * @example
 * const manager = await new CacheManager(new MemoryBackend()).init()
 */
export const CacheManager: CacheManagerConstructor = Manager
export type CacheManager = CacheManagerInterface
