// A process of the stampede: asks for one key as often as it is told, at the moment it is told, and counts in the truth store who loads.
// Compiled by compiled-fleet.ts, started by stampede.test.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { cached, createCache, RedisBackend } from '../../src/index.ts'
import { sharedNow } from './clock.ts'
import { serve } from './serve.ts'
import { openTruth } from './truth.ts'

export interface StampedeSettings {
  readonly index: number
  readonly url: string
  readonly truthUrl: string
}

export interface Stampede {
  readonly name: string
  readonly callers: number
  /** When all of them ask, on the clock that all processes share. */
  readonly at: number
  readonly loadMs: number
  readonly fails?: boolean
}

export interface Asked {
  /** What the callers got, and how many got it: `name:version`, or the message of an error. */
  readonly answers: Readonly<Record<string, number>>
  /** When each of them got it. */
  readonly times: readonly number[]
}

const { index, url, truthUrl } = JSON.parse(process.env['FLEET_SETTINGS'] ?? '') as StampedeSettings
// A thousand callers on each side, a machine with few processors: what is late is not away.
const budget = '5s'
const manager = createCache({ backend: new RedisBackend({ url, budget }), budget, logLevel: 'silent' })
await manager.init()
const truth = await openTruth(truthUrl, index)
let current: Stampede = { name: '', callers: 0, at: 0, loadMs: 0 }

const load = async (name: string): Promise<string> => {
  const { loadMs, fails } = current
  const version = await truth.version(name)
  // Only now: who is known to load has looked at the truth.
  await truth.send('RPUSH', `loads:${name}`, String(index))
  await sleep(loadMs)
  await truth.send('SET', `ended:${name}`, String(sharedNow()))
  if (fails === true) throw new Error(`no ${name} today`)
  return `${name}:${version}`
}
const read = cached(load, { keyPrefix: 'fleet', name: 'stampede', manager, ttl: '1h' })

export const stampedeNode = serve({
  async ask(stampede: Stampede): Promise<Asked> {
    current = stampede
    const { name, callers, at } = stampede
    await sleep(Math.max(0, at - sharedNow()))
    const answers: Record<string, number> = {}
    const times: number[] = []
    const note = (answer: string): void => {
      answers[answer] = (answers[answer] ?? 0) + 1
      times.push(sharedNow())
    }
    const ask = async (caller: number): Promise<string> =>
      await (caller % 4 === 3 ? manager.getOrSet(read.keyFor(name), () => load(name), '1h') : read(name))
    await Promise.all(
      Array.from({ length: callers }, (_, caller) =>
        ask(caller).then(note, (error: unknown) => note(error instanceof Error ? error.message : String(error))),
      ),
    )
    return { answers, times }
  },

  /** Without a load: what this process would be served. */
  async stored(name: string): Promise<string | undefined> {
    return await manager.getValue<string>(read.keyFor(name))
  },

  isConnected: (): boolean => manager.stats().state === 'connected',
})
