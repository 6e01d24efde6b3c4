// Everybody in the fleet asks for the same cold key at once: it is loaded once. When the one who loads dies, freezes or fails, the others
// neither hang nor load in a crowd. `npm run test:fleet` asks more often (TEST_FLEET_ROUNDS).
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { until } from '../support/gate.ts'
import { settles } from './settles.ts'
import { type Asked, startStampede } from './stampede.ts'
import { quantile } from './summary.ts'

const rounds = Number(process.env['TEST_FLEET_ROUNDS'] ?? 10)
const size = 4
const callers = 1000
/** Nobody hangs: a lease is at least 5 s, and a machine may be busy. */
const generousMs = 30_000
/** Longer than a holder who does not renew it has a lease. */
const longerThanLeaseMs = 8000
/** So long that it has not ended when the one who runs it has been found out and stopped, on a busy machine too. */
const slowLoadMs = 4000

describe('a fleet that asks for one cold key at once', () => {
  test(`loads it once, ${rounds} times, and everybody gets it`, { timeout: 120_000 + rounds * 30_000 }, async () => {
    await using fleet = await startStampede(size)
    const waits: number[] = []
    const loads: number[] = []
    for (let round = 0; round < rounds; round++) {
      const name = `cold-${round}`
      await fleet.truth.change([name])
      const asked = await settles('everybody is answered', all(fleet.ask({ name, callers, loadMs: 100 })), generousMs)
      expect(asked.map(({ answers }) => answers)).toEqual(everywhere({ [`${name}:1`]: callers }))
      loads.push((await fleet.loadersOf(name)).length)
      waits.push(...(await fleet.waitsOf(name, asked)))
    }
    waits.sort((a, b) => a - b)
    console.log(
      `${rounds} rounds of ${size} x ${callers} callers, loads: ${loads.join(' ')}; from the end of the load to an answer ` +
        `in another process: p50 ${quantile(waits, 0.5).toFixed(1)} ms, p99 ${quantile(waits, 0.99).toFixed(1)} ms`,
    )
    expect(loads).toEqual(loads.map(() => 1))
  })

  test('whose loading process is killed: one other loads, and nobody hangs', { timeout: 180_000 }, async () => {
    await using fleet = await startStampede(size)
    const name = 'killed'
    await fleet.truth.change([name])
    const asking = fleet.ask({ name, callers, loadMs: slowLoadMs })
    const first = await fleet.firstLoader(name)
    await fleet.nodes[first]?.kill()
    const killedAt = performance.now()
    const asked = await settles('the callers of the living are answered', all(without(asking, first)), generousMs)
    console.log(`after a kill the living were answered within ${(performance.now() - killedAt).toFixed(0)} ms`)
    await expect(asking[first]).rejects.toThrow('SIGKILL')
    expect(asked.map(({ answers }) => answers)).toEqual(everywhere({ [`${name}:1`]: callers }).slice(1))
    const loaders = await fleet.loadersOf(name)
    expect(loaders).toEqual([first, expect.anything()])
    expect(loaders[1]).not.toBe(first)
  })

  test('whose loading process freezes: what it brings at last is not kept', { timeout: 240_000 }, async () => {
    await using fleet = await startStampede(size)
    const name = 'frozen'
    await fleet.truth.change([name])
    const asking = fleet.ask({ name, callers, loadMs: slowLoadMs })
    const first = await fleet.firstLoader(name)
    const frozen = fleet.nodes[first]
    if (frozen === undefined) throw new Error(`There is no process ${first}`)
    frozen.freeze()
    await fleet.truth.change([name])
    const answered = settles('the others are answered', all(without(asking, first)), generousMs)
    await Promise.all([answered, sleep(longerThanLeaseMs)])
    expect((await answered).map(({ answers }) => answers)).toEqual(everywhere({ [`${name}:2`]: callers }).slice(1))
    expect(await fleet.loadersOf(name)).toHaveLength(2)

    frozen.thaw()
    // Its own callers have waited all the time, for a load that had begun before: they may have either.
    const own = await settles('its own callers are answered', all(asking.slice(first, first + 1)), generousMs)
    for (const answer of Object.keys(own[0]?.answers ?? {})) expect([`${name}:1`, `${name}:2`]).toContain(answer)
    expect(own[0]?.times).toHaveLength(callers)
    // It may have lost its connection meanwhile: what stands in for the store then goes when it is back.
    await until('it is back', () => frozen.call('isConnected'), generousMs)
    const stored = async (): Promise<boolean> => (await frozen.call('stored', name)) === `${name}:2`
    await until('it is served what the others have loaded', stored, generousMs)
    for (const node of [...fleet.nodes, await fleet.start()]) expect(await node.call('stored', name)).toBe(`${name}:2`)
  })

  test('whose loader fails: everybody gets its error, no process runs it twice', { timeout: 180_000 }, async () => {
    await using fleet = await startStampede(size)
    const name = 'failing'
    const asked = await settles('nobody hangs', all(fleet.ask({ name, callers, loadMs: 100, fails: true })), generousMs)
    expect(asked.map(({ answers }) => answers)).toEqual(everywhere({ [`no ${name} today`]: callers }))
    const loaders = await fleet.loadersOf(name)
    expect(loaders.length).toBeGreaterThan(0)
    expect(new Set(loaders).size).toBe(loaders.length)
    // Nothing of it stays: who asks next gets what is true.
    await fleet.truth.change([name])
    const later = await settles('nobody hangs', all(fleet.ask({ name, callers: 1, loadMs: 0 })), generousMs)
    expect(later.map(({ answers }) => answers)).toEqual(everywhere({ [`${name}:1`]: 1 }))
  })
})

function everywhere(answers: Asked['answers']): Array<Asked['answers']> {
  return Array.from({ length: size }, () => answers)
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, at) => at !== index)
}

async function all<T>(work: ReadonlyArray<Promise<T>>): Promise<T[]> {
  return await Promise.all(work)
}
