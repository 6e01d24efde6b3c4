// One process' worth of cache, as many as a test wants, each with everything it owns counted: timers, connections, what it
// sent, what it logged, how its state changed. The product's own parts behind seams that count, nothing replaced.
import { openNodeRedisTransport } from '../../src/backends/redis/node-redis-transport.ts'
import type { OpenTransport } from '../../src/backends/redis/transport.ts'
import type { CacheManager, CacheOptions, CacheState, RedisBackendOptions, Runtime } from '../../src/index.ts'
import { createCache, RedisBackend } from '../../src/index.ts'
import { systemRuntime } from '../../src/support/runtime.ts'
import { countTimers, type TimerCount } from '../support/counting-runtime.ts'
import { until } from '../support/gate.ts'

export interface FleetNode extends AsyncDisposable {
  readonly manager: CacheManager
  /** Where each change of the state led, oldest first. */
  readonly states: CacheState[]
  /** What it logged at `warn` and above. */
  readonly lines: string[]
  readonly timers: TimerCount
  readonly transports: TransportCount
}

export interface TransportCount {
  /** Neither lost nor destroyed. */
  readonly open: number
  /** Commands sent so far, on all of them. */
  readonly sent: number
}

export interface NodeOptions extends Pick<CacheOptions, 'namespace' | 'onUnavailable' | 'wire'> {
  readonly url: string
  readonly budget?: RedisBackendOptions['budget']
  readonly socketTimeout?: RedisBackendOptions['socketTimeout']
  readonly runtime?: Runtime
}

/** Not opened yet: that is `init`, or the first call. */
export function makeNode({ url, budget, socketTimeout, namespace, ...options }: NodeOptions): FleetNode {
  const runtime = countTimers(options.runtime ?? systemRuntime)
  const openTransport = countTransports(openNodeRedisTransport(url))
  const states: CacheState[] = []
  const lines: string[] = []
  const line = (text: string): void => void lines.push(text)
  const shared = { budget, socketTimeout, namespace, runtime }
  const manager = createCache({
    ...options,
    ...shared,
    backend: new RedisBackend({ ...shared, openTransport }),
    logger: { debug: line, info: line, warn: line, error: line },
    logLevel: 'warn',
  })
  manager.on('state', ({ to }) => states.push(to))
  return {
    manager,
    states,
    lines,
    timers: runtime,
    transports: openTransport,
    [Symbol.asyncDispose]: () => manager.close(),
  }
}

/** A node that is connected, however long a busy machine takes for it. */
export async function openNode(options: NodeOptions): Promise<FleetNode> {
  const node = makeNode(options)
  await node.manager.init()
  await connected(node)
  return node
}

/** Resolves when the node uses its primary and owes it nothing. */
export async function connected({ manager }: FleetNode): Promise<void> {
  await until('the node is connected and its journal empty', () => {
    const { state, journal } = manager.stats()
    return state === 'connected' && journal === 0
  })
}

export async function degraded({ manager }: FleetNode): Promise<void> {
  await until('the node has noticed', () => manager.stats().state === 'degraded')
}

/** What `work` settles to. Rejects when it takes as long as only something that hangs would. */
export async function settles<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${what}`)), 10_000)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

export function countTransports(openTransport: OpenTransport): OpenTransport & TransportCount {
  const all = new Set<object>()
  let sent = 0
  const open: OpenTransport = async (options) => {
    const mark = {}
    all.add(mark)
    try {
      const transport = await openTransport({
        ...options,
        lost: (error) => {
          all.delete(mark)
          options.lost(error)
        },
      })
      return {
        ready: transport.ready,
        carriesPushes: transport.carriesPushes === true,
        send: (args) => {
          sent++
          return transport.send(args)
        },
        destroy: () => {
          all.delete(mark)
          transport.destroy()
        },
      }
    } catch (error) {
      all.delete(mark)
      throw error
    }
  }
  return Object.defineProperties(open, {
    open: { get: () => all.size },
    sent: { get: () => sent },
  }) as OpenTransport & TransportCount
}
