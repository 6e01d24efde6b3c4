import type { LeaseAnswer, LeaseRequest } from '../contracts/backend.ts'
import type { ContractBench, ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame, expectTrue, show, SkipSignal, violated } from './expectations.ts'

// B-60 to B-68: who may load a key, and whose value is stored. What happens to a lease as time passes, or by a write, is in `outcomes-lease-ends.ts`.

/** Leases that outlive the outcome. */
const longMs = 60_000

/** Asks as whoever found nothing. */
export async function ask(
  { capability }: ContractBench,
  key: string,
  token: string,
  request: Partial<LeaseRequest> = {},
): Promise<LeaseAnswer> {
  const leases = capability('leases')
  if (!leases.isOn) throw new SkipSignal('leases cannot be had on this connection')
  return await leases.acquire(key, { token, leaseMs: longMs, seen: undefined, despite: 'nothing', ...request })
}

export function expectKind(what: string, answer: LeaseAnswer, kind: LeaseAnswer['kind']): void {
  if (answer.kind !== kind) violated(what, `'${kind}'`, show(answer))
}

export function expectHeldBy(what: string, answer: LeaseAnswer, holder: string, leaseMs: number = longMs): void {
  if (answer.kind !== 'held') violated(what, `'held' by ${holder}`, show(answer))
  expectSame(`${what}: the holder`, answer.holder, holder)
  expectTrue(
    `${what}: waitMs`,
    answer.waitMs > 0 && answer.waitMs <= leaseMs,
    `more than 0, at most ${leaseMs}`,
    answer.waitMs,
  )
}

export function expectFilled(what: string, answer: unknown): void {
  expectTrue(what, answer === 'followed' || answer === 'stored', "'followed' or 'stored'", answer)
}

export const leaseOutcomes: readonly ContractOutcome[] = [
  outcome(
    'B-60',
    'gives the right to load to one, and tells the next who has it',
    { needs: 'leases' },
    async (bench) => {
      const at = bench.key()
      expectKind('the first who asks', await ask(bench, at, 'first'), 'granted')
      expectHeldBy('the second', await ask(bench, at, 'second'), 'first')
      expectHeldBy('the third, in spite of failures', await ask(bench, at, 'third', { despite: 'failure' }), 'first')
      expectKind('another key', await ask(bench, bench.key(), 'fourth'), 'granted')
    },
  ),

  outcome('B-61', 'gives it to one of many who ask at once', { needs: 'leases' }, async (bench) => {
    for (let round = 0; round < 10; round++) {
      const at = bench.key()
      const names = Array.from({ length: 20 }, (_, index) => `t${round}-${index}`)
      const answers = await Promise.all(names.map((token) => ask(bench, at, token)))
      const winners = names.filter((_, index) => answers[index]?.kind === 'granted')
      expectSame('how many are granted', winners.length, 1)
      for (const answer of answers)
        if (answer.kind !== 'granted') expectHeldBy('the others', answer, winners[0] as string)
    }
  }),

  outcome(
    'B-62',
    'stores what its holder brings, byte for byte, and ends the lease with it',
    { needs: 'leases' },
    async (bench) => {
      const leases = bench.capability('leases')
      for (const text of ['value', '', '#sc1 json 1 1 1 1 x 1\né漢👍\r\n\u0000', 'long\n'.repeat(20_000)]) {
        const at = bench.key()
        expectKind('the lease', await ask(bench, at, 'a'), 'granted')
        expectFilled('fill', await leases.fill(at, text, 60, 'a'))
        expectSame('get of what was filled', await bench.backend.get(at), text)
        expectSame('renew of a lease that was used', await leases.renew(at, 'a', longMs), false)
        expectSame('fill with a lease that was used', await leases.fill(at, 'again', 60, 'a'), 'fenced')
        expectSame('get afterwards', await bench.backend.get(at), text)
        expectKind('who has seen nothing', await ask(bench, at, 'b'), 'changed')
        expectKind('who has seen this text', await ask(bench, at, 'c', { seen: text.slice(0, 50) }), 'granted')
      }
    },
  ),

  outcome('B-63', 'stores nothing from who does not hold the lease', { needs: 'leases' }, async (bench) => {
    const leases = bench.capability('leases')
    const at = bench.key()
    await ask(bench, bench.key(), 'x')
    expectSame('fill without any lease', await leases.fill(at, 'bad', 60, 'nobody'), 'fenced')
    expectMiss('get', await bench.backend.get(at))
    expectKind('the lease', await ask(bench, at, 'a'), 'granted')
    for (const token of ['b', 'A', 'a ', '', 'a1', '*']) {
      expectSame(`fill with the token ${show(token)}`, await leases.fill(at, 'bad', 60, token), 'fenced')
      expectSame(`renew with the token ${show(token)}`, await leases.renew(at, token, longMs), false)
      await leases.release(at, token)
    }
    expectMiss('get', await bench.backend.get(at))
    expectHeldBy('the lease, after others tried to end it', await ask(bench, at, 'c'), 'a')
    expectFilled('fill with the token that holds it', await leases.fill(at, 'good', 60, 'a'))
  }),

  outcome(
    'B-64',
    'gives it only to who knows the present text, by how it begins',
    { needs: 'leases' },
    async (bench) => {
      const { backend } = bench
      const at = bench.key()
      await backend.set(at, '#sc1 new\ntext', 60)
      expectKind('who has seen nothing', await ask(bench, at, 'a'), 'changed')
      expectKind('who has seen another text', await ask(bench, at, 'b', { seen: '#sc1 old' }), 'changed')
      expectKind(
        'who has seen more than there is',
        await ask(bench, at, 'c', { seen: '#sc1 new\ntext and more' }),
        'changed',
      )
      expectKind('who has seen its beginning', await ask(bench, at, 'd', { seen: '#sc1 new' }), 'granted')
      expectSame('get while it is loaded', await backend.get(at), '#sc1 new\ntext')
      await backend.delete(at)
      expectKind('who has seen what is gone', await ask(bench, at, 'e', { seen: '#sc1 new' }), 'changed')
      await backend.set(at, '', 60)
      expectKind('who has seen nothing, where an empty text is', await ask(bench, at, 'f'), 'changed')
      expectKind('who has seen the empty text', await ask(bench, at, 'g', { seen: '' }), 'granted')
    },
  ),

  outcome('B-65', 'lets another load once the lease is given back', { needs: 'leases' }, async (bench) => {
    const leases = bench.capability('leases')
    const at = bench.key()
    await ask(bench, at, 'a')
    await leases.release(at, 'a')
    expectSame('fill after release', await leases.fill(at, 'bad', 60, 'a'), 'fenced')
    expectMiss('get', await bench.backend.get(at))
    expectKind('the next', await ask(bench, at, 'b'), 'granted')
    await leases.release(at, 'a')
    expectHeldBy('once the first gave it back again', await ask(bench, at, 'c'), 'b')
  }),

  outcome(
    'B-66',
    'pauses after a failed load, but for those who have nothing to stand in',
    { needs: 'leases' },
    async (bench) => {
      const leases = bench.capability('leases')
      const at = bench.key()
      await ask(bench, at, 'a')
      await leases.release(at, 'a', longMs)
      const answer = await ask(bench, at, 'b')
      if (answer.kind !== 'paused') violated('who asks after a failure', "'paused'", show(answer))
      expectTrue(
        'waitMs',
        answer.waitMs > 0 && answer.waitMs <= longMs,
        `more than 0, at most ${longMs}`,
        answer.waitMs,
      )
      expectMiss('get in a pause', await bench.backend.get(at))
      expectSame('exists in a pause', await bench.backend.exists(at), false)
      expectKind('who insists', await ask(bench, at, 'c', { despite: 'failure' }), 'granted')
      await leases.release(at, 'c', longMs)
      await bench.backend.delete(at)
      expectKind('once a write has ended the pause', await ask(bench, at, 'd'), 'granted')
    },
  ),

  outcome('B-67', 'takes it from anyone for who must have it', { needs: 'leases' }, async (bench) => {
    const leases = bench.capability('leases')
    const at = bench.key()
    await ask(bench, at, 'a')
    expectKind("despite 'anyone'", await ask(bench, at, 'b', { despite: 'anyone' }), 'granted')
    expectSame('fill of who had it', await leases.fill(at, 'bad', 60, 'a'), 'fenced')
    expectSame('renew of who had it', await leases.renew(at, 'a', longMs), false)
    expectFilled('fill of who has it', await leases.fill(at, 'good', 60, 'b'))
    expectKind("despite 'anyone' and a text", await ask(bench, at, 'c', { despite: 'anyone' }), 'granted')
    await leases.release(at, 'c', longMs)
    expectKind("despite 'anyone' and a pause", await ask(bench, at, 'd', { despite: 'anyone' }), 'granted')
    expectSame('get', await bench.backend.get(at), 'good')
  }),

  outcome('B-68', 'shows a lease to nobody who reads entries', { needs: 'leases' }, async (bench) => {
    const { backend, key } = bench
    const at = key()
    expectKind('the lease', await ask(bench, at, 'a'), 'granted')
    expectMiss('get of a key that is loaded', await backend.get(at))
    expectSame('exists of a key that is loaded', await backend.exists(at), false)
    if (backend.batch !== undefined) expectMiss('batch.get of a key that is loaded', (await backend.batch.get([at]))[0])
    if (backend.scan !== undefined) {
      for await (const page of backend.scan.keys(at)) expectSame('scan of a key that is loaded', [...page], [])
    }
    expectSame('delete of a key that is loaded', await backend.delete(at), false)
  }),
]
