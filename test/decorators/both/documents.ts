// A class as users write it. Compiled twice, for standard and for legacy decorators; decorators.test.ts runs both.
import { cached, cacheOf, createCache, MemoryBackend, type CacheManager } from '@speedrun/cache'

// Both results of the compiler run in one process, and their source texts differ: each needs an identity of its own.
const keyPrefix = `document-${new URL('.', import.meta.url).pathname.split('/').at(-2)}`

export const cache: CacheManager = createCache({ backend: new MemoryBackend() })

export class Documents {
  readonly #secret = 'private'
  readonly tenant: string
  runs = 0

  constructor(tenant: string) {
    this.tenant = tenant
  }

  @cached({ keyPrefix, ttl: 60, manager: cache, scope: (self: Documents) => self.tenant })
  async parse(hash: string): Promise<{ hash: string; tenant: string; secret: string; run: number }> {
    this.runs += 1
    return { hash, tenant: this.tenant, secret: this.#secret, run: this.runs }
  }

  @cached({ keyPrefix, name: 'count', ttl: 60, manager: cache })
  static async count(): Promise<number> {
    staticRuns += 1
    return staticRuns
  }

  @cached({ keyPrefix, name: 'fail', ttl: 60, manager: cache })
  async fail(error: { readonly message: string }): Promise<never> {
    throw Object.assign(new Error(error.message), { own: true })
  }

  invalidate(hash: string): Promise<string> {
    return cacheOf(this as Documents, 'parse').invalidate(hash)
  }
}

let staticRuns = 0
