// What a real PostgreSQL tells of changes, also of those that another program makes in plain SQL: every one, before every answer that was given
// after it, and none that did not happen.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type pg from 'pg'
import { until } from '../support/gate.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { ask, openPgWitness } from './pg-witness.ts'

let server: PostgresServer
let program: pg.Client
beforeAll(async () => {
  server = await startPostgres()
  program = await server.connect()
})
afterAll(async () => {
  await program.end()
  await server.stop()
})
const own = (): { connectionString: string } => ({ connectionString: server.url })
const sql = async (text: string, ...values: unknown[]): Promise<unknown> => await program.query(text, values)
const insert = `insert into speedrun_cache (key, value, expires_at) values ($1, 'theirs', now() + interval '1 hour')`

describe('a change by another program', () => {
  const changes: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
    UPDATE: (key) => sql(`update speedrun_cache set value = 'new' where key = $1`, key),
    'UPDATE of the time only': (key) => sql(`update speedrun_cache set expires_at = now() where key = $1`, key),
    'UPDATE of the key': (key) => sql(`update speedrun_cache set key = key || '-moved' where key = $1`, key),
    DELETE: (key) => sql('delete from speedrun_cache where key = $1', key),
    INSERT: async (key) => {
      await sql('delete from speedrun_cache where key = $1', key)
      await sql(insert, key)
    },
    'INSERT ON CONFLICT': (key) => sql(`${insert} on conflict (key) do update set value = excluded.value`, key),
  }

  test.each(Object.keys(changes))('%s: is told before the answer of whoever reads afterwards', async (name) => {
    await using one = await openPgWitness(own())
    for (let round = 0; round < 20; round++) {
      const key = `told ${name} ${round}`
      await one.backend.set(key, 'old', 100)
      one.take()
      await changes[name]?.(key)
      await one.backend.get('any key')
      expect(one.take()).toContain(`changed ${key}${name === 'UPDATE of the key' ? ` ${key}-moved` : ''}`)
    }
  })

  test.each(Object.keys(changes))('%s: makes a load void that has begun', async (name) => {
    await using one = await openPgWitness(own())
    for (const before of ['nothing', 'a text']) {
      const key = `void ${name} ${before}`
      if (before === 'a text') await one.backend.set(key, 'old', 100)
      expect(await ask(one, key, { seen: before === 'a text' ? 'old' : undefined })).toEqual({ kind: 'granted' })
      await changes[name]?.(key)
      expect(await one.backend.leases.fill(key, 'loaded before', 100, 'a')).toBe('fenced')
    }
  })

  test('TRUNCATE: any key may have changed, and all loads are void', async () => {
    await using one = await openPgWitness(own())
    await ask(one, 'truncated')
    one.take()
    await sql('truncate speedrun_cache')
    await one.backend.get('any key')
    expect(one.take()).toEqual(['changedAll', 'tagsChanged'])
    expect(await one.backend.leases.fill('truncated', 'loaded before', 100, 'a')).toBe('fenced')
  })

  test('is told when its transaction is committed, and not at all when it is rolled back', async () => {
    await using one = await openPgWitness(own())
    await one.backend.set('in a transaction', 'old', 100)
    one.take()
    for (const end of ['rollback', 'commit']) {
      await sql('begin')
      await sql(`update speedrun_cache set value = 'new' where key = 'in a transaction'`)
      // Others are served meanwhile, and may write.
      expect(await one.backend.get('in a transaction')).toBe('old')
      expect(await one.backend.set(`beside ${end}`, 'x', 100)).toBe(true)
      expect(one.take()).toEqual([])
      await sql(end)
      const now = await one.backend.get('in a transaction')
      expect([now, one.take()]).toEqual(end === 'commit' ? ['new', ['changed in a transaction']] : ['old', []])
    }
  })

  test('of very many keys is told as a change of any key', async () => {
    await using one = await openPgWitness(own())
    await sql(
      `insert into speedrun_cache (key, value, expires_at) select 'many ' || n, 'x', now() + interval '1 hour' from generate_series(1, 5000) n`,
    )
    await one.backend.get('any key')
    const told = one.take()
    expect(told).toContain('changedAll')
    expect(told.length).toBeLessThan(1100)
  })

  test('of a key of 4,096 characters is told with all of it', async () => {
    await using one = await openPgWitness(own())
    for (const filling of ['x', '漢']) {
      const key = `long ${filling.repeat(4091)}`
      await one.backend.set(key, 'old', 100)
      one.take()
      await sql('delete from speedrun_cache where long_key = $1', key)
      await one.backend.get('any key')
      // 12 KB are more than one telling can carry.
      expect(one.take()).toEqual(filling === 'x' ? [`changed ${key}`] : ['changedAll', 'tagsChanged'])
    }
  })

  test('by a role that may only write to the table is told all the same', async () => {
    await using one = await openPgWitness(own())
    await sql(`create role clerk login; grant select, insert, update, delete on speedrun_cache to clerk;
      create policy clerk on speedrun_cache to clerk using (true) with check (true)`)
    const clerk = await server.connect('clerk')
    try {
      await one.backend.set('clerical', 'old', 100)
      one.take()
      await clerk.query(`delete from speedrun_cache where key = 'clerical'`)
      await one.backend.get('any key')
      expect(one.take()).toEqual(['changed clerical'])
      await expect(clerk.query(`select speedrun_cache_trim()`)).rejects.toThrow('permission denied')
    } finally {
      await clerk.end()
    }
  })
})

test('own writes are told when they are called and when they are answered, and never as somebody else’s', async () => {
  await using one = await openPgWitness(own())
  await using other = await openPgWitness(own())
  await one.backend.set('own', 'x', 100)
  await one.backend.delete('own')
  await one.backend.tags.stamp(['own tag'], undefined)
  await other.backend.get('own')
  await one.backend.get('own')
  // What the database tells of them before they are answered counts as done, once more.
  const once = one.log.filter((line, index) => line !== one.log[index - 1])
  expect(once).toEqual(['writing own', 'written own', 'writing own', 'written own'])
  expect(other.take()).toEqual(['changed own', 'changed own', 'tagsChanged'])
})

test('a number that was drawn and rolled back holds no answer back for long', async () => {
  await using one = await openPgWitness(own())
  for (let round = 0; round < 5; round++) {
    // A deferred trigger draws it, and the commit fails after that.
    await sql(`select nextval('speedrun_cache_changes')`)
    expect(await one.backend.get('behind a gap')).toBeNull()
  }
  // Nothing is lost by it.
  await sql(insert, 'after the gap')
  expect(await one.backend.get('after the gap')).toBe('theirs')
  expect(one.take()).toContain('changed after the gap')
})

test('what is told by another program on the channel tells of any key', async () => {
  await using one = await openPgWitness(own())
  const [row] = await server.sql(`select pg_listening_channels() as channel`)
  expect(row).toBeUndefined()
  const { channel } = one.backend.options.names
  await sql('select pg_notify($1, $2)', channel, 'hello')
  await until('it is told', () => one.log.includes('changedAll'))
  await sql('select pg_notify($1, $2)', channel, '[999999999, "", "k"]')
  await until('it is told', () => one.log.filter((line) => line === 'changedAll').length === 2)
})

describe('what has to wait for a commit', () => {
  /** Whether the work is done, or waits for a lock that another transaction has. */
  const doneOrWaiting = async (work: Promise<unknown>): Promise<'done' | 'waiting'> => {
    let state: 'done' | 'waiting' | undefined
    const done = (): void => void (state = 'done')
    work.then(done, done)
    await until('it is done, or waits', async () => {
      const rows = await server.sql(`select 1 from pg_locks where locktype = 'advisory' and not granted`)
      if (rows.length > 0) state ??= 'waiting'
      return state !== undefined
    })
    return state as unknown as 'done' | 'waiting'
  }

  test('a number is drawn when all lower ones are committed', async () => {
    await using one = await openPgWitness(own())
    await one.backend.set('lower', 'x', 100)
    await sql('begin')
    await sql('set constraints all immediate')
    await sql(`delete from speedrun_cache where key = 'lower'`)
    const higher = one.backend.delete('higher')
    const state = await doneOrWaiting(higher)
    await sql('commit')
    await higher
    expect(state).toBe('waiting')
  })

  test('a life ends when the sets of it are over', async () => {
    await using one = await openPgWitness(own())
    const set = (key: string): string =>
      `select stored from speedrun_cache_set('${key}', null, 'late', 100, 'a node', 1, '')`
    await sql('begin')
    await sql(set('under way'))
    const ending = server.sql(`select done from speedrun_cache_end_life('a node', 1)`)
    const state = await doneOrWaiting(ending)
    await sql('commit')
    expect(await ending).toEqual([{ done: true }])
    expect(state).toBe('waiting')
    expect(await one.backend.delete('under way')).toBe(true)
    expect(await server.sql(set('after it'))).toEqual([{ stored: false }])
  })
})

test('everything is told before every answer, by many who write at once', async () => {
  const witnesses = await Promise.all(Array.from({ length: 3 }, () => openPgWitness(own())))
  try {
    const keys = ['f0', 'f1', 'f2', 'f3']
    let version = 0
    let violations = 0
    let isOver = false
    const writers = Array.from({ length: 4 }, async (_, index) => {
      const client = await server.connect()
      const key = keys[index] as string
      for (let round = 0; round < 150; round++) {
        const text = String(++version)
        if (round % 3 === 0) await witnesses[index % 3]?.backend.set(key, text, 100)
        else if (round % 3 === 1)
          await client.query(
            insert.replace(`'theirs'`, `convert_to($2, 'UTF8')`) +
              ` on conflict (key) do update set value = excluded.value`,
            [key, text],
          )
        else await client.query('delete from speedrun_cache where key = $1', [key])
      }
      await client.end()
    })
    const readers = witnesses.map(async (witness) => {
      const told = new Map<string, number>()
      let tick = 0
      const note = (key: string): void => void told.set(key, ++tick)
      witness.backend.push.watch({
        changed: (all) => all.forEach(note),
        writing: (all) => all.forEach(note),
        written: (all) => all.forEach(note),
        changedAll: () => keys.forEach(note),
        tagsChanged: () => {},
        heard: () => {},
      })
      const texts = new Map<string, string | null | undefined>()
      let before = -1
      while (!isOver) {
        const sentAt = tick
        for (const [at, text] of (await witness.backend.batch.get(keys)).entries()) {
          const key = keys[at] as string
          // Another text than the read before brought: its change was told since that was sent, so that was not kept.
          if (before >= 0 && texts.get(key) !== text && (told.get(key) ?? 0) <= before) violations++
          texts.set(key, text)
        }
        before = sentAt
      }
    })
    await Promise.all(writers)
    isOver = true
    await Promise.all(readers)
    expect(violations).toBe(0)
  } finally {
    await Promise.all(witnesses.map(({ backend }) => backend.close()))
  }
})
