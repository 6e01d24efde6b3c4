// PostgreSQL killed, frozen, and back: a call costs one deadline at most, and nothing that was deleted meanwhile is served afterwards. And what
// was sent to a server that hung does not happen when it goes on.
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCache } from '../../src/index.ts'
import type { PostgresBackendOptions } from '../../src/postgres.ts'
import { PostgresBackend } from '../../src/postgres.ts'
import { isCacheError } from '../../src/index.ts'
import { until } from '../support/gate.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPgbouncer, startPostgres } from '../support/postgres-server.ts'
import { ask, openPgWitness } from './pg-witness.ts'

let server: PostgresServer
beforeEach(async () => {
  server = await startPostgres()
})
afterEach(async () => {
  await server.resume().catch(() => {})
  await server.stop()
})
const backendOf = (options: Partial<PostgresBackendOptions> = {}): PostgresBackend =>
  new PostgresBackend({ connectionString: server.url, maxConnections: 4, ...options })
/** So long that a busy machine does not make a healthy server look dead, and far from for ever. */
const budget = '500ms'
/** With short deadlines, on a busy machine: not the first time. */
const succeeds = (what: string, work: () => Promise<unknown>): Promise<void> =>
  until(what, () =>
    work().then(
      () => true,
      () => false,
    ),
  )

const faults: Readonly<Record<string, { begin(): Promise<void>; end(): Promise<void> }>> = {
  killed: { begin: () => server.kill(), end: () => server.restart() },
  frozen: { begin: () => server.pause(), end: () => server.resume() },
}

test.each(Object.keys(faults))('%s: callers get their values, and what is deleted then stays deleted', async (name) => {
  const cache = createCache({ backend: backendOf({ budget }), budget, logLevel: 'silent' })
  const other = createCache({ backend: backendOf({ budget: '5s' }), budget: '5s', logLevel: 'silent' })
  try {
    await Promise.all([cache.init(), other.init()])
    let version = 1
    const read = (key: string): Promise<string> => cache.getOrSet(key, () => Promise.resolve(`${key} ${version}`), '1h')
    for (const key of ['deleted', 'kept', 'tagged']) await read(key)
    await cache.set('written', 'before', '1h')
    await cache.drain()
    await faults[name]?.begin()
    version = 2
    expect(await read('cold')).toBe('cold 2')
    await until('it is known to be away', () => cache.stats().state !== 'connected')
    const loads = await Promise.all(Array.from({ length: 200 }, (_, index) => read(`cold ${index % 20}`)))
    expect(loads).toHaveLength(200)
    expect(await cache.delete('deleted')).toBe('journaled')
    expect(await cache.set('written', 'in the outage', '1h')).toBeTypeOf('boolean')
    expect(await read('deleted')).toBe('deleted 2')
    await faults[name]?.end()
    await until('it is back', () => cache.stats().state === 'connected')
    expect(await read('deleted')).toBe('deleted 2')
    // Neither is what stood in for the server ever written to it, nor what was there before served.
    await until('the other is back', () => other.stats().state === 'connected')
    expect(await other.getValue('deleted')).not.toBe('deleted 1')
    expect(await other.get('written')).not.toBe('before')
    expect(await read('kept')).toBe('kept 1')
    await until('memory is open again', async () => (await cache.healthReport()).l1 === 'coherent')
  } finally {
    await Promise.all([cache.close(), other.close()])
  }
})

test('a statement that hangs is given up, and its connection with it', async () => {
  const pool = new pg.Pool({ connectionString: server.url, max: 6 })
  let removed = 0
  pool.on('remove', () => void removed++)
  const backend = new PostgresBackend({ pool, budget: '100ms', socketTimeout: '300ms' })
  try {
    await succeeds('it is connected', () => backend.connect())
    await succeeds('it is warm', () =>
      Promise.all(Array.from({ length: 5 }, (_, index) => backend.exists(`warm ${index}`))),
    )
    removed = 0
    await server.pause()
    const failed = await Promise.all(
      [backend.get('a'), backend.set('a', 'y', 100), backend.delete('a'), backend.exists('a')].map((work) =>
        work.then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    )
    for (const error of failed) {
      expect(isCacheError(error, 'CACHE_TIMEOUT') || isCacheError(error, 'CACHE_UNAVAILABLE')).toBe(true)
    }
    // While nothing answers: those of the statements, and the one that listens.
    await until('the connections are given up', () => removed >= 4)
    await server.resume()
    await succeeds('it serves again', () => backend.get('a'))
  } finally {
    await server.resume()
    await backend.close()
    await pool.end()
  }
})

test('a set that nobody answered is not done after the delete that follows it', async () => {
  for (let round = 0; round < 5; round++) {
    const key = `zombie ${round}`
    const backend = backendOf({ budget: '10s', socketTimeout: '300ms', pooled: true })
    try {
      await succeeds('it is connected', () => backend.connect())
      await succeeds('it is set', () => backend.set(key, 'first', 100))
      const blocker = await server.connect()
      // Holds the set up in the database, where nobody can call it back.
      await blocker.query('begin')
      await blocker.query('lock table speedrun_cache in access exclusive mode')
      await server.sql(
        `alter function speedrun_cache_set(text, text, text, double precision, text, bigint, text) set lock_timeout = '20s'`,
      )
      await expect(backend.set(key, 'late', 100)).rejects.toThrow()
      const deleting = backend.delete(key).catch(() => undefined)
      await blocker.query('commit')
      await blocker.end()
      let isDeleted = (await deleting) !== undefined
      while (!isDeleted)
        isDeleted = await backend.delete(key).then(
          () => true,
          () => false,
        )
      await until('the server is quiet', async () => {
        const rows = await server.sql(
          `select count(*)::integer as n from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()`,
        )
        return rows[0]?.['n'] === 0
      })
      expect(await backend.get(key)).toBeNull()
    } finally {
      await backend.close()
    }
  }
})

test('a set that was held up on the way is refused once its life is over', async () => {
  const backend = backendOf({ budget: '10s' })
  try {
    await backend.connect()
    await server.sql(`select * from speedrun_cache_end_life('node', 3)`)
    const set = async (life: number): Promise<unknown> =>
      (await server.sql(`select * from speedrun_cache_set('k', null, 'v', 100, 'node', $1, '')`, [life]))[0]?.['stored']
    expect([await set(2), await set(3), await set(4)]).toEqual([false, false, true])
  } finally {
    await backend.close()
  }
})

test('an exhausted pool costs a deadline, and a list of those who wait has an end', async () => {
  const pool = new pg.Pool({ connectionString: server.url, max: 3 })
  const backend = new PostgresBackend({ pool, budget: '100ms' })
  try {
    await backend.connect()
    const held = await Promise.all([pool.connect(), pool.connect()])
    await expect(backend.get('a')).rejects.toMatchObject({ code: 'CACHE_TIMEOUT' })
    const many = await Promise.allSettled(Array.from({ length: 6000 }, (_, index) => backend.exists(`x${index}`)))
    const turnedAway = many.filter((one) => one.status === 'rejected' && isCacheError(one.reason, 'CACHE_UNAVAILABLE'))
    expect(turnedAway.length).toBeGreaterThan(500)
    for (const client of held) client.release()
    await until('it serves again', () =>
      backend.get('a').then(
        () => true,
        () => false,
      ),
    )
  } finally {
    await backend.close()
    await pool.end()
  }
})

test('a lost connection is told, and all that was kept is dropped; it comes back by itself', async () => {
  await using one = await openPgWitness({ connectionString: server.url })
  const before = one.backend.link.history
  expect(before).toMatch(/^\d+\.[0-9A-F]{8}\.\d+$/)
  for (let round = 0; round < 3; round++) {
    one.take()
    await server.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
    )
    await until('it is back', () => one.log.includes('restored'))
    expect(one.log).toContain('lost')
    expect(one.log.indexOf('lost')).toBeLessThan(one.log.indexOf('restored'))
    expect(one.backend.push.isOn).toBe(true)
    expect(await ask(one, `round ${round}`)).toEqual({ kind: 'granted' })
  }
  expect(one.backend.link.history).toBe(before)
})

test('a server that is killed and back has the same history; a table made anew has another', async () => {
  await using one = await openPgWitness({ connectionString: server.url })
  const before = one.backend.link.history
  const id = (await one.backend.tags.stamp(['t'], undefined)).id
  await server.restart()
  await until('it is back', () => one.log.includes('restored'))
  expect(one.backend.link.history).toBe(before)
  expect((await one.backend.tags.enter?.(undefined))?.id).toBe(id)
  one.log.length = 0
  // As a dump that is restored does it.
  await server.sql('alter table speedrun_cache rename to gone')
  await server.sql('create table speedrun_cache (like gone including all)')
  await until('it is noticed', () => one.log.includes('restored'))
  expect(one.backend.link.history).not.toBe(before)
  expect((await one.backend.tags.enter?.(undefined))?.id).toMatch(/^2-/)
})

test('behind pgbouncer: no memory, no listening, and the report says why; the rest works', async () => {
  await using bouncer = await startPgbouncer(server)
  const cache = createCache({
    backend: new PostgresBackend({ connectionString: bouncer.url, budget: '5s', maxConnections: 4 }),
    budget: '5s',
    logLevel: 'silent',
  })
  try {
    await cache.init()
    let loads = 0
    const read = (): Promise<number> => cache.getOrSet('lent', async () => ++loads, '1h')
    expect(await Promise.all(Array.from({ length: 50 }, read))).toEqual(Array.from({ length: 50 }, () => 1))
    expect(await read()).toBe(1)
    const report = await cache.healthReport()
    expect(report.l1).toBe('off')
    expect(JSON.stringify(report)).toContain('lent by the transaction')
    await cache.invalidateTags(['x'])
    expect(await cache.delete('lent')).toBe('applied')
    expect(await read()).toBe(2)
    // Nothing of ours is left in the sessions that others get next.
    const client = new pg.Client({ connectionString: bouncer.url })
    await client.connect()
    const left = await client.query(`select (select count(*)::integer from pg_prepared_statements) as prepared,
      array(select pg_listening_channels()) as listening, current_setting('synchronous_commit') as commits, current_setting('statement_timeout') as timeout`)
    expect(left.rows).toEqual([{ prepared: 0, listening: [], commits: 'on', timeout: '0' }])
    await client.end()
  } finally {
    await cache.close()
  }
})
