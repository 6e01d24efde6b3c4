// A process of the stampede: asks for a key as often as it is told, and writes down in the database that it loads. Compiled and started by
// stampede.test.ts.
import pg from 'pg'
import { createCache } from '../../src/index.ts'
import { PostgresBackend } from '../../src/postgres.ts'

const url = process.env['STAMPEDE_URL'] ?? ''
const client = new pg.Client({ connectionString: url })
await client.connect()
const backend = new PostgresBackend({ connectionString: url, budget: '5s', maxConnections: 4 })
const cache = createCache({ backend, budget: '5s', logLevel: 'silent' })
await cache.init()

async function ask({ key, callers }: { key: string; callers: number }): Promise<void> {
  const load = async (): Promise<string> => {
    await client.query('insert into loads (key) values ($1)', [key])
    await new Promise((resolve) => setTimeout(resolve, 200))
    return `value of ${key}`
  }
  const values = await Promise.all(Array.from({ length: callers }, () => cache.getOrSet(key, load, '1h')))
  process.send?.({ answers: values.filter((value) => value === `value of ${key}`).length })
}

process.on('message', (asked: { key: string; callers: number }) => void ask(asked))
process.on('disconnect', () => process.exit())
process.send?.('ready')
