// A Postgres backend whose every word about changes is written down in the order in which it came.
import type { LeaseAnswer, LeaseRequest } from '../../src/contracts/backend.ts'
import type { PostgresBackendOptions } from '../../src/postgres.ts'
import { PostgresBackend } from '../../src/postgres.ts'

export interface PgWitness extends AsyncDisposable {
  readonly backend: PostgresBackend
  /** `changed a`, `writing a by t`, `changedAll`, `tagsChanged`, `lost`, `restored`, and what the test notes. */
  readonly log: string[]
  /** What was written down since the last call, without what this backend did itself. */
  take(): string[]
}

export async function openPgWitness(options: PostgresBackendOptions): Promise<PgWitness> {
  const backend = new PostgresBackend({ budget: 10, maxConnections: 4, ...options })
  const log: string[] = []
  const told =
    (word: string) =>
    (keys: readonly string[], by?: string): void =>
      void log.push(`${word} ${keys.join(' ')}${by === undefined ? '' : ` by ${by}`}`)
  backend.push.watch({
    changed: told('changed'),
    writing: told('writing'),
    written: told('written'),
    changedAll: () => void log.push('changedAll'),
    tagsChanged: () => void log.push('tagsChanged'),
    heard: () => {},
  })
  backend.link.watch({ lost: () => void log.push('lost'), restored: () => void log.push('restored') })
  await backend.connect()
  log.length = 0
  return {
    backend,
    log,
    take: () => log.splice(0).filter((line) => !/^writ(?:ing|ten) /.test(line)),
    [Symbol.asyncDispose]: () => backend.close(),
  }
}

/** Asks as whoever found nothing. */
export async function ask(
  { backend }: Pick<PgWitness, 'backend'>,
  key: string,
  request: Partial<LeaseRequest> = {},
): Promise<LeaseAnswer> {
  return await backend.leases.acquire(key, {
    token: 'a',
    leaseMs: 60_000,
    seen: undefined,
    despite: 'nothing',
    ...request,
  })
}
