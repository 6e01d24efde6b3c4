import type { ContractBench, ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame, expectStored } from './expectations.ts'
import { ask, expectFilled, expectHeldBy, expectKind } from './outcomes-leases.ts'

// B-70 to B-78: what ends a lease, and with it the right to store what was loaded before. This is what keeps invalidated values out of the store:
// a load that began before a write must not be stored after it.

/** The shortest lease that a store that counts whole seconds can keep. */
const shortMs = 1000

type Write = (bench: ContractBench, at: string) => Promise<unknown>

const deletes: Write = async ({ backend }, at) => await backend.delete(at)
const sets: Write = async ({ backend }, at) => expectStored('set', await backend.set(at, 'newer', 60))

/** @param before the text there was when the load began */
async function voids(
  bench: ContractBench,
  write: Write,
  before: string | undefined,
  after: string | undefined,
): Promise<void> {
  const leases = bench.capability('leases')
  const at = bench.key()
  if (before !== undefined) await bench.backend.set(at, before, 60)
  expectKind('the lease', await ask(bench, at, 'a', { seen: before }), 'granted')
  await write(bench, at)
  expectSame('fill of what was loaded before', await leases.fill(at, 'loaded before', 60, 'a'), 'fenced')
  const came = await bench.backend.get(at)
  if (after === undefined) expectMiss('get', came)
  else expectSame('get', came, after)
  expectSame('renew', await leases.renew(at, 'a', 60_000), false)
  expectKind('the next who asks', await ask(bench, at, 'b', { seen: after }), 'granted')
}

export const leaseEndOutcomes: readonly ContractOutcome[] = [
  outcome(
    'B-70',
    'makes a running load void by delete, also of a key that is not there',
    { needs: 'leases' },
    async (bench) => {
      await voids(bench, deletes, undefined, undefined)
      await voids(bench, deletes, 'older', undefined)
    },
  ),

  outcome('B-71', 'makes a running load void by set', { needs: 'leases' }, async (bench) => {
    await voids(bench, sets, undefined, 'newer')
    await voids(bench, sets, 'older', 'newer')
  }),

  outcome('B-72', 'makes a running load void by a batch of deletes', { needs: 'leases' }, async (bench) => {
    const { batch } = bench.backend
    if (batch === undefined) return
    await voids(bench, async (_, at) => await batch.delete([bench.key(), at]), undefined, undefined)
    await voids(bench, async (_, at) => await batch.delete([at]), 'older', undefined)
  }),

  outcome('B-73', 'makes a running load void by what another process writes', { needs: 'leases' }, async (bench) => {
    const other = await bench.another()
    await voids(bench, async (_, at) => await other.delete(at), undefined, undefined)
    await voids(bench, async (_, at) => await other.delete(at), 'older', undefined)
    await voids(bench, async (_, at) => await other.set(at, 'newer', 60), 'older', 'newer')
    const at = bench.key()
    expectKind('the lease', await ask(bench, at, 'a'), 'granted')
    const request = { token: 'b', leaseMs: 60_000, seen: undefined, despite: 'nothing' } as const
    const answer = await other.leases?.acquire(at, request)
    if (answer !== undefined) expectHeldBy('another process that asks', answer, 'a')
  }),

  outcome('B-74', 'leaves nothing when a fill and a delete run at once', { needs: 'leases' }, async (bench) => {
    const leases = bench.capability('leases')
    for (let round = 0; round < 60; round++) {
      const at = bench.key()
      expectKind('the lease', await ask(bench, at, 'a'), 'granted')
      const value = 'loaded before'.repeat(round % 10 === 0 ? 10_000 : 1)
      const both = [() => leases.fill(at, value, 60, 'a'), () => bench.backend.delete(at)]
      await Promise.all((round % 2 === 0 ? both : both.toReversed()).map((work) => work()))
      expectMiss('get after both were answered', await bench.backend.get(at))
    }
  }),

  outcome(
    'B-75',
    'ends a lease by itself, so that a dead holder delays others by no more',
    { needs: 'leases', isTimed: true },
    async (bench) => {
      const leases = bench.capability('leases')
      const [dead, alive] = [bench.key('dead'), bench.key('alive')]
      expectKind('the lease', await ask(bench, dead, 'a', { leaseMs: shortMs }), 'granted')
      expectKind('another', await ask(bench, alive, 'b', { leaseMs: shortMs }), 'granted')
      expectSame('renew', await leases.renew(alive, 'b', 60_000), true)
      let count = 0
      await bench.until('the lease of a dead holder is given to another', async () => {
        const answer = await ask(bench, dead, `next-${++count}`)
        if (answer.kind === 'granted') return true
        expectHeldBy('who asks meanwhile', answer, 'a', shortMs)
        return false
      })
      expectSame('fill of who came back', await leases.fill(dead, 'bad', 60, 'a'), 'fenced')
      expectSame('renew of who came back', await leases.renew(dead, 'a', 60_000), false)
      expectMiss('get', await bench.backend.get(dead))
      expectHeldBy('a lease that was prolonged', await ask(bench, alive, 'c'), 'b')
      expectFilled('fill of who prolonged it', await leases.fill(alive, 'good', 60, 'b'))
    },
  ),

  outcome('B-76', 'ends a pause by itself', { needs: 'leases', isTimed: true }, async (bench) => {
    const leases = bench.capability('leases')
    const at = bench.key()
    await ask(bench, at, 'a')
    await leases.release(at, 'a', shortMs)
    let count = 0
    await bench.until(
      'a pause of one second is over',
      async () => (await ask(bench, at, `next-${++count}`)).kind === 'granted',
    )
  }),

  outcome('B-77', 'gives what is filled its ttl, in seconds', { needs: 'leases', isTimed: true }, async (bench) => {
    const leases = bench.capability('leases')
    const [short, minute, long] = [bench.key('short'), bench.key('minute'), bench.key('long')]
    const startedAt = bench.monotonic()
    await ask(bench, short, 'a')
    await ask(bench, minute, 'm')
    await ask(bench, long, 'b')
    expectFilled('fill for a minute', await leases.fill(minute, 'z', 60, 'm'))
    expectFilled('fill for a second', await leases.fill(short, 'x', 1, 'a'))
    expectFilled('fill for ten years', await leases.fill(long, 'y', 10 * 365 * 86_400, 'b'))
    await bench.pass(bench.hasClock ? 1000 : 1200)
    await bench.until('what was filled for a second is gone', async () => !(await bench.backend.exists(short)))
    // On a machine that stood still for a minute it may well be gone.
    if (bench.monotonic() - startedAt < 60_000) {
      expectSame('get of what was filled for a minute', await bench.backend.get(minute), 'z')
    }
    expectSame('get of what was filled for ten years', await bench.backend.get(long), 'y')
  }),

  outcome(
    'B-78',
    'takes what is loaded though the old text ends meanwhile by itself',
    { needs: 'leases', isTimed: true },
    async (bench) => {
      const leases = bench.capability('leases')
      const at = bench.key()
      await bench.backend.set(at, 'old', 1)
      const answer = await ask(bench, at, 'a', { seen: 'old' })
      // A store that counts whole seconds may have ended it already.
      if (answer.kind === 'changed') expectKind('the lease', await ask(bench, at, 'b'), 'granted')
      else expectKind('the lease', answer, 'granted')
      await bench.until('the old text is gone', async () => !(await bench.backend.exists(at)))
      expectFilled('fill', await leases.fill(at, 'new', 60, answer.kind === 'changed' ? 'b' : 'a'))
      expectSame('get', await bench.backend.get(at), 'new')
    },
  ),
]
