import type { CacheBackend, PushEvents } from '../contracts/backend.ts'
import type { ContractBench, ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectMiss, expectSame, expectTrue, show, SkipSignal, violated } from './expectations.ts'
import { ask, expectKind } from './outcomes-leases.ts'

// B-80 to B-88: what is told of changes, and when. A change told twice costs a read; one that is not told, or told after an answer that contradicts it, is a wrong
// value for as long as it lives.

interface Told {
  readonly lines: string[]
  readonly heard: number[]
  leave(): void
  /** Whether a change of the key by somebody else was told, or of any. */
  ofChange(key: string): boolean
}

function listen({ capability, backend }: ContractBench): Told {
  const push = capability('push')
  if (!push.isOn) throw new SkipSignal('changes are not told on this connection')
  const lines: string[] = []
  const heard: number[] = []
  const each =
    (word: string) =>
    (keys: readonly string[], by?: string): void => {
      for (const key of keys) lines.push(`${word} ${key}${by === undefined ? '' : ` by ${by}`}`)
    }
  const events: PushEvents = {
    changed: each('changed'),
    writing: each('writing'),
    written: each('written'),
    changedAll: () => void lines.push('changedAll'),
    tagsChanged: () => void lines.push('tagsChanged'),
    heard: (sentAt) => void heard.push(sentAt),
  }
  const leave = push.watch.call(backend.push, events)
  return {
    lines,
    heard,
    leave,
    ofChange: (key) =>
      lines.some((line) => line === 'changedAll' || line === `changed ${key}` || line.startsWith(`changed ${key} `)),
  }
}

/** Without a second backend nobody could be told of anything. */
async function otherOf(bench: ContractBench): Promise<CacheBackend> {
  try {
    return await bench.another()
  } catch (error) {
    if (error instanceof SkipSignal)
      violated('a backend with push', 'that `open` gives `another`', 'no second backend: what is told cannot be seen')
    throw error
  }
}

export const pushOutcomes: readonly ContractOutcome[] = [
  outcome(
    'B-80',
    'says for how long a silence may hide changes, and lets listeners leave',
    { needs: 'push' },
    async (bench) => {
      const { boundMs } = bench.capability('push')
      expectTrue('push.boundMs', Number.isFinite(boundMs) && boundMs > 0, 'milliseconds, more than 0', boundMs)
      const [told, stays] = [listen(bench), listen(bench)]
      expectSame('what watch() gives', typeof told.leave, 'function')
      told.leave()
      const at = bench.key()
      await bench.backend.set(at, 'x', 60)
      expectSame('what is told to who has left', told.lines, [])
      expectTrue('what is told to who stays', stays.lines.length > 0, 'the own write', stays.lines)
    },
  ),

  outcome('B-81', 'tells who has read a key of every change by others', { needs: 'push' }, async (bench) => {
    const other = await otherOf(bench)
    const changes: Readonly<Record<string, (at: string) => unknown>> = {
      'a set': (at) => other.set(at, 'newer', 60),
      'a set of the same text': (at) => other.set(at, 'old', 60),
      'a delete': (at) => other.delete(at),
      ...(other.batch === undefined ? {} : { 'a batch of deletes': (at: string) => other.batch?.delete([at]) }),
    }
    for (const [what, change] of Object.entries(changes)) {
      const at = bench.key()
      await other.set(at, 'old', 60)
      expectSame('get', await bench.backend.get(at), 'old')
      const told = listen(bench)
      await change(at)
      await bench.until(`${what} by another process is told`, async () => {
        await bench.backend.ping()
        return told.ofChange(at)
      })
      told.leave()
    }
  }),

  outcome(
    'B-82',
    'tells who has read that there is nothing when there is something',
    { needs: 'push' },
    async (bench) => {
      const other = await otherOf(bench)
      const at = bench.key()
      expectMiss('get', await bench.backend.get(at))
      const told = listen(bench)
      await other.set(at, 'new', 60)
      await bench.until('a set by another process is told', async () => {
        await bench.backend.ping()
        return told.ofChange(at)
      })
    },
  ),

  outcome('B-83', 'tells of a change before every answer that was given after it', { needs: 'push' }, async (bench) => {
    const other = await otherOf(bench)
    const at = bench.key()
    await other.set(at, 'round 0', 60)
    await bench.backend.get(at)
    for (let round = 1; round <= 50; round++) {
      const told = listen(bench)
      const answer = async (): Promise<void> => {
        const text = await bench.backend.get(at)
        if (text === `round ${round}` && !told.ofChange(at))
          violated('a new value', 'that its change was told before', 'it came first')
      }
      const first = answer()
      await other.set(at, `round ${round}`, 60)
      await Promise.all([first, answer(), answer()])
      expectTrue('a change', told.ofChange(at), 'that it was told once the new value was read', told.lines)
      told.leave()
    }
  }),

  outcome(
    'B-84',
    'tells of an own write when it is called, and again before it is answered',
    { needs: 'push' },
    async (bench) => {
      const { backend, key } = bench
      const { batch, leases } = backend
      const writes: Readonly<Record<string, (at: string) => unknown>> = {
        set: (at) => backend.set(at, 'x', 60),
        'a long set': (at) => backend.set(at, 'long\n'.repeat(20_000), 60),
        delete: (at) => backend.delete(at),
        ...(batch === undefined ? {} : { 'batch.delete': (at: string) => batch.delete([at]) }),
      }
      for (const [what, write] of Object.entries(writes)) {
        const at = key()
        const told = listen(bench)
        const answer = write(at)
        expectTrue(`${what}, when it was called`, told.lines.includes(`writing ${at}`), `writing ${at}`, told.lines)
        await answer
        const last = told.lines.filter((line) => line.includes(at)).at(-1)
        expectSame(`${what}, when it was answered`, last, `written ${at}`)
        told.leave()
      }
      if (leases === undefined || !leases.isOn) return
      const at = key()
      expectKind('the lease', await ask(bench, at, 'a'), 'granted')
      const told = listen(bench)
      const filled = leases.fill(at, 'x', 60, 'a')
      expectTrue(
        'a fill, when it was called',
        told.lines.includes(`writing ${at} by a`),
        `writing ${at} by a`,
        told.lines,
      )
      await filled
      expectTrue(
        'a fill, when it was answered',
        told.lines.includes(`written ${at} by a`),
        `written ${at} by a`,
        told.lines,
      )
    },
  ),

  outcome('B-85', 'tells who waits for a lease when it ends', { needs: 'push' }, async (bench) => {
    const other = await otherOf(bench)
    const theirs = other.leases
    if (theirs === undefined || !theirs.isOn || bench.backend.leases === undefined)
      throw new SkipSignal('it has no leases')
    const ends: Readonly<Record<string, (at: string) => unknown>> = {
      'a fill': (at) => theirs.fill(at, 'x', 60, 'theirs'),
      'a release': (at) => theirs.release(at, 'theirs'),
      'a pause': (at) => theirs.release(at, 'theirs', 60_000),
      'a delete': (at) => other.delete(at),
    }
    for (const [what, end] of Object.entries(ends)) {
      const at = bench.key()
      await theirs.acquire(at, { token: 'theirs', leaseMs: 60_000, seen: undefined, despite: 'nothing' })
      expectKind('who asks', await ask(bench, at, 'ours'), 'held')
      const told = listen(bench)
      await end(at)
      await bench.until(`${what} by the holder is told`, async () => {
        await bench.backend.ping()
        return told.ofChange(at)
      })
      told.leave()
    }
  }),

  outcome('B-86', 'tells of changes of what it filled, if it says that it does', { needs: 'push' }, async (bench) => {
    const other = await otherOf(bench)
    const { leases } = bench.backend
    if (leases === undefined || !leases.isOn) throw new SkipSignal('it has no leases')
    for (const text of ['x\ny', 'long\n'.repeat(20_000)]) {
      const at = bench.key()
      expectKind('the lease', await ask(bench, at, 'a'), 'granted')
      const answer = await leases.fill(at, text, 60, 'a')
      if (answer !== 'followed') continue
      const told = listen(bench)
      await other.delete(at)
      await bench.until("the delete of what was 'followed' is told", async () => {
        await bench.backend.ping()
        return told.ofChange(at)
      })
    }
  }),

  outcome('B-87', 'tells of changes of the tag clock by others', { needs: 'push' }, async (bench) => {
    const other = await otherOf(bench)
    const [ours, theirs] = [bench.backend.tags, other.tags]
    if (ours === undefined || theirs === undefined) throw new SkipSignal('it has no tags')
    const changes = [() => theirs.stamp([bench.key()], undefined), () => theirs.renew()]
    for (const change of changes) {
      await ours.read(undefined)
      const told = listen(bench)
      await change()
      await bench.until('a change of the tag clock is told', async () => {
        await bench.backend.ping()
        return told.lines.includes('tagsChanged')
      })
      told.leave()
    }
  }),

  outcome('B-88', 'says up to when everything has been told', { needs: 'push' }, async (bench) => {
    const told = listen(bench)
    const startedAt = bench.monotonic()
    await bench.until('a sign of life that was sent after this began', async () => {
      await bench.backend.ping()
      return told.heard.some((sentAt) => sentAt >= startedAt)
    })
    const latest = bench.monotonic()
    for (const sentAt of told.heard) {
      expectTrue(
        'heard',
        Number.isFinite(sentAt) && sentAt <= latest,
        `a time of the monotonic clock, at most ${latest}`,
        show(sentAt),
      )
    }
  }),

  outcome('B-89', 'tells when a key that was read ends by itself', { needs: 'push', isTimed: true }, async (bench) => {
    const other = await otherOf(bench)
    const at = bench.key()
    await other.set(at, 'x', 1)
    if ((await bench.backend.get(at)) !== 'x') return
    const told = listen(bench)
    await bench.until('the end of a key is told', async () => {
      // A store may find out when somebody looks.
      await other.get(at)
      await bench.backend.ping()
      return told.ofChange(at)
    })
  }),
]
