// Four processes, 250 callers each, one cold key: it is loaded once. And a load that a delete has overtaken in another process is stored nowhere.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCache } from '../../src/index.ts'
import { PostgresBackend } from '../../src/postgres.ts'
import type { CompiledProgram } from '../support/compiled-program.ts'
import { cleanEnvironment, compileProgram } from '../support/compiled-program.ts'
import { gate } from '../support/gate.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startPostgres } from '../support/postgres-server.ts'

const size = 4
const callers = 250
const rounds = 5

let server: PostgresServer
let program: CompiledProgram
let nodes: ChildProcess[] = []
beforeAll(async () => {
  server = await startPostgres()
  await server.sql('create table loads (key text)')
  program = await compileProgram('test/postgres/stampede-node.ts')
  const env = { ...cleanEnvironment(), STAMPEDE_URL: server.url }
  nodes = Array.from({ length: size }, () => fork(program.file, { env }))
  await Promise.all(nodes.map((node) => once(node, 'message')))
})
afterAll(async () => {
  for (const node of nodes) node.kill('SIGKILL')
  program[Symbol.dispose]()
  await server.stop()
})

test(`${size} processes x ${callers} callers on a cold key: one load, ${rounds} times`, async () => {
  const loads: unknown[] = []
  for (let round = 0; round < rounds; round++) {
    const key = `cold ${round}`
    const answers = nodes.map((node) => once(node, 'message'))
    for (const node of nodes) node.send({ key, callers })
    for (const [message] of await Promise.all(answers)) expect(message).toEqual({ answers: callers })
    const [row] = await server.sql('select count(*)::integer as n from loads where key = $1', [key])
    loads.push(row?.['n'])
  }
  expect(loads).toEqual(Array.from({ length: rounds }, () => 1))
})

test('a delete in another process during a load: the late value is refused, the next caller loads', async () => {
  const open = async () => {
    const backend = new PostgresBackend({ connectionString: server.url, budget: '5s', maxConnections: 4 })
    const cache = createCache({ backend, budget: '5s', logLevel: 'silent' })
    await cache.init()
    return cache
  }
  const [one, other] = await Promise.all([open(), open()])
  try {
    const held = gate()
    const loading = one.getOrSet('overtaken', () => held.wait().then(() => 'old'), '1h')
    await held.reached
    expect(await other.delete('overtaken')).toBe('applied')
    held.open()
    expect(await loading).toBe('old')
    await one.drain()
    expect(await other.getValue('overtaken')).toBeUndefined()
    expect(await one.getOrSet('overtaken', async () => 'new', '1h')).toBe('new')
    expect(await other.getOrSet('overtaken', async () => 'newer', '1h')).toBe('new')
  } finally {
    await Promise.all([one.close(), other.close()])
  }
})
