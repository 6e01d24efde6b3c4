// A Redis backend whose every word about changes is written down in the order in which it came, together with what the test notes itself;
// and a client beside it, that of another program.
import { createClient } from '@redis/client'
import type { RedisBackendOptions } from '../../src/index.ts'
import { RedisBackend } from '../../src/index.ts'
import { until } from '../support/gate.ts'

export interface Witness extends AsyncDisposable {
  readonly backend: RedisBackend
  /** `changed a`, `changed a by t1`, `changedAll`, `tagsChanged`, `lost`, `restored`, and what the test notes. */
  readonly log: string[]
  /** The monotonic times that were heard of. */
  readonly heard: number[]
  /** Sends commands at once and waits for their answers: what was told before has arrived then. */
  settled(): Promise<void>
  /** What was written down since the last call. */
  take(): string[]
}

export async function openWitness(options: RedisBackendOptions): Promise<Witness> {
  const backend = new RedisBackend({ budget: 10, ...options })
  const log: string[] = []
  const told = (keys: readonly string[], by?: string): void =>
    void log.push(`changed ${keys.join(' ')}${by === undefined ? '' : ` by ${by}`}`)
  const heard: number[] = []
  backend.push.watch({
    changed: (keys) => told(keys),
    writing: told,
    written: told,
    changedAll: () => void log.push('changedAll'),
    tagsChanged: () => void log.push('tagsChanged'),
    heard: (sentAt) => void heard.push(sentAt),
  })
  backend.link.watch({ lost: () => void log.push('lost'), restored: () => void log.push('restored') })
  await backend.connect()
  log.length = 0
  return {
    backend,
    log,
    heard,
    settled: async () => void (await backend.ping()),
    take: () => log.splice(0),
    [Symbol.asyncDispose]: () => backend.close(),
  }
}

export interface Foreigner extends AsyncDisposable {
  /** Answers with what the server answered. */
  send(...args: string[]): Promise<unknown>
}

export async function openForeigner({ url }: { readonly url: string }): Promise<Foreigner> {
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  return {
    send: (...args) => client.sendCommand(args),
    [Symbol.asyncDispose]: async () => client.destroy(),
  }
}

/** Waits until it is written down, however long the server takes to find out. */
export async function untilTold({ log }: Witness, line: string): Promise<void> {
  await until(`${line} is told`, () => log.includes(line))
}
