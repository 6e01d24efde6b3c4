// The right to load a key, on a real PostgreSQL: one holder, whoever asks and however many at once, and the order with every other write.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { ask, openPgWitness } from './pg-witness.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
const own = (): { connectionString: string } => ({ connectionString: server.url })

test('of many connections that ask at once one is granted, the others are told who has it', async () => {
  const all = await Promise.all(Array.from({ length: 6 }, () => openPgWitness(own())))
  try {
    for (let round = 0; round < 30; round++) {
      const key = `one ${round}`
      const answers = await Promise.all(all.map((one, index) => ask(one, key, { token: `t${index}` })))
      const winners = answers.flatMap(({ kind }, index) => (kind === 'granted' ? [`t${index}`] : []))
      expect(winners).toHaveLength(1)
      for (const answer of answers)
        if (answer.kind !== 'granted') expect(answer).toMatchObject({ kind: 'held', holder: winners[0] })
    }
  } finally {
    await Promise.all(all.map(({ backend }) => backend.close()))
  }
})

test('fills, deletes, sets and trims at once leave what has an order', async () => {
  await using one = await openPgWitness(own())
  await using other = await openPgWitness(own())
  for (let round = 0; round < 150; round++) {
    const key = `race ${round}`
    const { kind } = await ask(one, key)
    expect(kind).toBe('granted')
    const [answer] = await Promise.all([
      one.backend.leases.fill(key, 'loaded', 100, 'a'),
      round % 2 === 0 ? other.backend.delete(key) : other.backend.set(key, 'newer', 100),
      round % 3 === 0 ? server.sql('select speedrun_cache_trim()') : undefined,
    ])
    const text = await one.backend.get(key)
    // Whatever the fill was answered: it came before, or not at all.
    expect(['fenced', 'followed']).toContain(answer)
    expect(text).toBe(round % 2 === 0 ? null : 'newer')
  }
})

test('batches with the same keys in another order never wait for each other in a circle', async () => {
  await using one = await openPgWitness(own())
  await using other = await openPgWitness(own())
  const keys = Array.from({ length: 40 }, (_, index) => `batch ${index}`)
  for (let round = 0; round < 20; round++) {
    await Promise.all(keys.map((key) => one.backend.set(key, 'x', 100)))
    await Promise.all([one.backend.batch.delete(keys), other.backend.batch.delete(keys.toReversed())])
    expect(await one.backend.batch.get(keys)).toEqual(keys.map(() => null))
  }
})

test('a row that somebody loads is not removed, one that is over is', async () => {
  await using one = await openPgWitness(own())
  await ask(one, 'loading')
  await ask(one, 'given up', { leaseMs: 1 })
  await server.sql(
    `insert into speedrun_cache (key, value, expires_at) select 'old ' || n, 'x', now() from generate_series(1, 900) n`,
  )
  await one.backend.get('x')
  one.take()
  const [first] = await server.sql('select removed from speedrun_cache_trim()')
  expect(first).toEqual({ removed: 500 })
  const [second] = await server.sql('select removed from speedrun_cache_trim()')
  expect(second).toEqual({ removed: 401 })
  // What ends by itself is not told.
  await one.backend.get('x')
  expect(one.take()).toEqual([])
  expect(await one.backend.leases.fill('loading', 'x', 100, 'a')).toBe('followed')
})

test('writing removes what is over, without anybody asking', async () => {
  await using one = await openPgWitness(own())
  await server.sql(
    `insert into speedrun_cache (key, value, expires_at) select 'gone ' || n, 'x', now() from generate_series(1, 400) n`,
  )
  const left = async (): Promise<unknown> =>
    (await server.sql(`select count(*)::integer as n from speedrun_cache where key like 'gone %'`))[0]?.['n']
  for (let round = 0; round < 2000 && (await left()) !== 0; round++) await one.backend.set('writer', 'x', 100)
  expect(await left()).toBe(0)
})
