// The tag clock in one item of a real server: no stamp is lost, whoever stamps at the same time; what is lost is lost as a whole, and then
// everything is void.
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { TagDelta, TagPosition } from '../../src/contracts/backend.ts'
import { clockName } from '../../src/backends/memcached/item-names.ts'
import { hash, placeOf } from '../../src/backends/memcached/servers.ts'
import { openSocket } from '../../src/backends/memcached/socket.ts'
import { TagTable } from '../../src/core/tags.ts'
import { MemcachedBackend } from '../../src/memcached.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { startMemcached } from '../support/memcached-server.ts'

const server = await startMemcached()
const opened: MemcachedBackend[] = []
async function open(
  prefix: string,
  servers: readonly string[] = [server.address],
  maxItemBytes?: number,
): Promise<MemcachedBackend> {
  const backend = new MemcachedBackend({ servers, budget: 5, prefix, maxItemBytes })
  opened.push(backend)
  await backend.connect()
  return backend
}
afterAll(async () => {
  for (const one of opened) await one.close()
  await server.stop()
})

let count = 0
let prefix = ''
beforeEach(() => void (prefix = `tags-${++count}:`))

const positionOf = ({ id, stamps }: TagDelta, before?: TagPosition): TagPosition => ({
  id,
  mark: Math.max(before?.id === id ? before.mark : 0, ...stamps.map(([, stamp]) => stamp)),
})

test('stamps of many processes at once are all kept, each with one of its own', async () => {
  const many = await Promise.all(Array.from({ length: 6 }, () => open(prefix)))
  const deltas = await Promise.all(
    many.flatMap((one, index) => [0, 1, 2, 3].map((turn) => one.tags.stamp([`${index}-${turn}`], undefined))),
  )
  const { stamps, id } = await many[0]!.tags.read(undefined)
  expect(new Set(deltas.map((delta) => delta.id))).toEqual(new Set([id]))
  expect(stamps).toHaveLength(24)
  expect(new Set(stamps.map(([, stamp]) => stamp)).size).toBe(24)
  for (const { stamps: known } of deltas) for (const pair of known) expect(stamps).toContainEqual(pair)
})

test('a newer clock that is read meanwhile does not lend its CAS value to an older one', async () => {
  const other = await open(prefix)
  await other.tags.stamp(['before'], undefined)
  let held: Buffer[] | undefined
  let deliver: (chunk: Buffer) => void = () => {}
  const backend = new MemcachedBackend({
    servers: [server.address],
    prefix,
    budget: 5,
    openSocket: (options) => {
      deliver = options.received
      return openSocket({
        ...options,
        received: (chunk) => (held === undefined ? deliver(chunk) : void held.push(chunk)),
      })
    },
  })
  opened.push(backend)
  await backend.connect()
  const answers: Buffer[] = []
  held = answers
  const count = (): number => Buffer.concat(answers).toString().split('VA ').length - 1
  const stamp = backend.tags.stamp(['own'], undefined)
  await until('the clock was read for the stamp', () => count() === 1)
  await other.tags.stamp(['from another'], undefined)
  const read = backend.tags.read(undefined)
  await until('it was read again', () => count() === 2)
  held = undefined
  deliver(Buffer.concat(answers))
  await Promise.all([stamp, read])
  const { stamps } = await other.tags.read(undefined)
  expect(stamps.map(([tag]) => tag)).toEqual(['before', 'from another', 'own'])
})

describe('a clock that is lost', () => {
  const losses: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
    ['evicted', () => server.ask(`md ${clockName(prefix)}`)],
    ['flushed', () => server.ask('flush_all')],
    ['overwritten by another program', () => server.ask(`ms ${clockName(prefix)} 5 T0`, 'hello')],
    ['overwritten by what begins like one', () => server.ask(`ms ${clockName(prefix)} 10 T0`, '#tc1 0-a 0')],
  ]
  test.each(losses)('because it was %s begins anew under another id: everything is void', async (_, lose) => {
    const [one, other] = [await open(prefix), await open(prefix)]
    const before = await one.tags.stamp(['a'], undefined)
    const position = positionOf(before)
    // The clock of a flush has whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await lose()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const after = await Promise.all([
      one.tags.read(position),
      other.tags.read(undefined),
      one.tags.stamp(['b'], position),
    ])
    const ids = new Set(after.map(({ id }) => id))
    expect(ids.has(before.id)).toBe(false)
    expect((await one.tags.read(undefined)).stamps).toEqual([['b', 1]])
  })

  test('was lost with a server that started anew', async () => {
    await using own = await startMemcached()
    const backend = await open(prefix, [own.address])
    const before = await backend.tags.stamp(['a'], undefined)
    const { history } = backend.link
    await own.restart()
    await until(
      'it is connected',
      async () => (await backend.ping().catch(() => false)) && backend.link.history !== history,
    )
    expect((await backend.tags.read(positionOf(before))).id).not.toBe(before.id)
    await backend.close()
  })
})

test('who knows the present clock is told so in a few bytes, and does not get it again', async () => {
  await using proxy = await startFaultProxy(server)
  const backend = await open(prefix, [`127.0.0.1:${proxy.port}`])
  const other = await open(prefix)
  await other.tags.stamp(
    Array.from({ length: 1000 }, (_, index) => `document:${index}`),
    undefined,
  )
  const position = positionOf(await backend.tags.read(undefined))
  proxy.resetCounts()
  for (let reads = 0; reads < 5; reads++) expect((await backend.tags.read(position)).stamps).toEqual([])
  expect(proxy.commands.get('MG')).toBe(5)
  await other.tags.stamp(['one more'], undefined)
  expect((await backend.tags.read(position)).stamps).toEqual([['one more', 2]])
})

test('under its limit the earlier half is forgotten, and what was made before it is void', async () => {
  const backend = await open(prefix, [server.address], 4096)
  const table = new TagTable()
  table.apply(await backend.tags.read(undefined))
  const old = { clockId: table.position?.id, tags: [{ tag: 'never stamped', t0: 0 }] }
  for (let index = 0; index < 300; index++) table.apply(await backend.tags.stamp([`tag-${index}`], table.position))
  const now = { clockId: table.position?.id, tags: [{ tag: 'never stamped', t0: table.position?.mark ?? 0 }] }
  expect(table.isValid(old)).toBe(false)
  expect(table.isValid(now)).toBe(true)
  const { floor, stamps } = await backend.tags.read(undefined)
  expect(floor).toBeGreaterThan(0)
  expect(stamps.length).toBeLessThan(200)
  expect((await server.ask(`mg ${clockName(prefix)} s`)).slice(0, 9)).toMatch(/^HD s\d{3,4}/)
})

// Each process judges by its own table, brought up to date with each read, as the core does it.
test(
  'no entry is valid after its tag was stamped, whoever stamped it and whatever was lost',
  { timeout: 60_000 },
  async () => {
    const size = 3
    const processes = await Promise.all(Array.from({ length: size }, () => open(prefix)))
    const who = fc.nat(size - 1)
    const tag = fc.constantFrom('a', 'b', 'c')
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('store' as const), who, tag }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('stamp' as const), who, tag }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), who, tag }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('renew' as const), who, tag }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), who, tag }) },
    )
    // Those of one inner list happen at the same time.
    const schedule = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(schedule, async (turns) => {
        const tables = processes.map(() => new TagTable())
        await Promise.all(processes.map(async ({ tags }, index) => tables[index]!.apply(await tags.read(undefined))))
        const entries: Array<{ tag: string; t0: number; clockId: string; voidedAt: number | undefined }> = []
        let time = 0
        for (const turn of turns) {
          const began = ++time
          await Promise.all(
            turn.map(async ({ kind, who: index, tag: name }) => {
              const { tags } = processes[index]!
              const table = tables[index]!
              if (kind === 'store') {
                const { id, mark } = table.position!
                entries.push({ tag: name, t0: mark, clockId: id, voidedAt: undefined })
              } else if (kind === 'lose') {
                await server.ask(`md ${clockName(prefix)}`)
              } else {
                table.apply(
                  kind === 'read'
                    ? await tags.read(table.position)
                    : kind === 'stamp'
                      ? await tags.stamp([name], table.position)
                      : await tags.renew(),
                )
                for (const entry of entries) {
                  // Made in an earlier turn: this came after it.
                  if (
                    kind !== 'read' &&
                    entry.t0 >= 0 &&
                    (kind === 'renew' || entry.tag === name) &&
                    made.get(entry)! < began
                  )
                    entry.voidedAt ??= time
                }
              }
            }),
          )
          for (const entry of entries) if (!made.has(entry)) made.set(entry, began)
          // Whoever reads the clock now knows.
          await Promise.all(
            processes.map(async ({ tags }, index) => tables[index]!.apply(await tags.read(tables[index]!.position))),
          )
          for (const { voidedAt, tag: name, t0, clockId } of entries) {
            if (voidedAt === undefined) continue
            for (const table of tables) expect(table.isValid({ clockId, tags: [{ tag: name, t0 }] })).toBe(false)
          }
          const ids = new Set(tables.map(({ position }) => position?.id))
          expect(ids.size).toBe(1)
        }
      }),
      { numRuns: 60 },
    )
  },
)
const made = new WeakMap<object, number>()

test('of several servers, the clock is read when the texts that were asked for before have come', async () => {
  await using second = await startMemcached()
  const proxies = await Promise.all([startFaultProxy(server), startFaultProxy(second)])
  const names = proxies.map(({ port }) => `127.0.0.1:${port}`)
  const backend = await open(prefix, names)
  const seeds = names.map(hash)
  const clockAt = placeOf(clockName(prefix), seeds)
  const key = Array.from({ length: 100 }, (_, index) => `k${index}`).find(
    (name) => placeOf(prefix + name, seeds) !== clockAt,
  )!
  await backend.set(key, 'text', 60)
  await backend.tags.read(undefined)
  const slow = proxies[1 - clockAt]!
  slow.holdRequests()
  let clockRead = false
  const text = backend.batch.get([key])
  const clock = Promise.resolve(backend.tags.read(undefined)).then(() => (clockRead = true))
  await until('the question waits', () => slow.connections.some(({ heldBytes }) => heldBytes > 0))
  const quick = proxies[clockAt]!
  quick.resetCounts()
  // Time enough for the other server to answer, were it asked.
  for (let pings = 0; pings < 20; pings++) await server.ask('mn')
  expect(clockRead).toBe(false)
  expect(quick.commands.get('MG')).toBeUndefined()
  await slow.release()
  expect(await text).toEqual(['text'])
  expect(await clock).toBe(true)
  await backend.close()
  for (const proxy of proxies) await proxy.close()
})
