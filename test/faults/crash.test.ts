// Processes killed in the middle of an outage: with `journalFile` nothing that they had been told is invalidated is ever served again, by
// whoever starts after them. `npm run test:crash` is the long mode (TEST_CRASH_RUNS); without the file the same runs must serve what is
// stale, or they would prove nothing.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRedis, type RedisServer } from '../support/redis-server.ts'
import type { Client, Step, Versions } from './crash-client.ts'
import { type CrashClient, compileCrashClient, readAll, type RunningClient } from './crash-processes.ts'

const runs = Number(process.env['TEST_CRASH_RUNS'] ?? 8)
// The short mode is the same each time, as far as chance does not come from outside.
const seed = Number(process.env['TEST_CRASH_SEED'] ?? (runs > 8 ? Date.now() % 1_000_000_000 : 20260101))
/** How many of the runs are repeated without `journalFile`. */
const controls = Math.max(2, Math.ceil(runs / 20))
const patience = { timeout: 120_000 + runs * 30_000 }

let client: CrashClient
beforeAll(async () => {
  client = await compileCrashClient()
})
afterAll(() => client[Symbol.dispose]())

interface Schedule {
  readonly groups: ReadonlyArray<readonly Step[]>
  readonly kill: {
    /** How many answers it was given by then; at most as many as there are steps. */
    readonly answers: number
    readonly delayMs: number
  }
  /** Whether the next process starts while Redis is away. */
  readonly next: 'in the outage' | 'after it'
  /** One that starts in between, and is killed so long after: while it takes over, in the outage, while it applies, or done. */
  readonly heirMs: number | undefined
  /** How long Redis is left away after the first of them has been started. */
  readonly thawMs: number
}

const plain = ['a', 'b', 'c', 'd']
const tagged = ['tagged-a', 'tagged-b']
/** Nobody touches it. */
const kept = ['kept', 'kept-tagged']

/** The steps of one group go at once, each on a target of its own; the groups one after the other. */
const schedules: fc.Arbitrary<Schedule> = fc
  .record({
    targets: fc.array(
      fc.uniqueArray(
        fc.record({
          target: fc.constantFrom(...plain, ...tagged, 'tag'),
          isSet: fc.boolean(),
        }),
        { minLength: 1, maxLength: 4, selector: ({ target }) => (tagged.includes(target) ? 'tag' : target) },
      ),
      { minLength: 2, maxLength: 5, size: 'max' },
    ),
    answers: fc.double({ min: 0, max: 1, noNaN: true }),
    delayMs: fc.integer({ min: 0, max: 12 }),
    beforeAnyMs: fc.integer({ min: 0, max: 250 }),
    next: fc.constantFrom('after it' as const, 'after it' as const, 'in the outage' as const),
    heirMs: fc.option(fc.integer({ min: 100, max: 1000 }), { freq: 2, nil: undefined }),
    thawMs: fc.integer({ min: 0, max: 600 }),
  })
  .map(({ targets, answers, delayMs, beforeAnyMs, ...rest }) => {
    const versions = new Map<string, number>()
    const groups = targets.map((group) =>
      group.map(({ target, isSet }): Step => {
        if (target === 'tag') return { do: 'tag', tag: 't' }
        if (!isSet) return { do: 'delete', key: target }
        const version = (versions.get(target) ?? 1) + 1
        versions.set(target, version)
        return { do: 'set', key: target, version }
      }),
    )
    const wanted = Math.round(answers * groups.flat().length)
    return { groups, kill: { answers: wanted, delayMs: wanted === 0 ? beforeAnyMs : delayMs }, ...rest }
  })

interface Verdict {
  /** Invalidations that had been answered before the process was killed. */
  readonly checked: number
  /** What was served although it was older than one of them. */
  readonly stale: readonly string[]
  /** Hits that nobody had invalidated and that were none. */
  readonly dropped: readonly string[]
  /** Files that were left when all was applied. */
  readonly files: readonly string[]
  readonly story: string
}

test(
  `${runs} processes killed in an outage: the next one serves nothing they had invalidated, and all else`,
  patience,
  async () => {
    await using redis = await startRedis()
    const sum = { checked: 0, stale: [] as string[], dropped: [] as string[], files: [] as string[] }
    const plans = schedulesOf(runs)
    for (const [index, schedule] of plans.entries()) {
      const verdict = await crash(redis, schedule, `r${index}`, true)
      const found = [...verdict.stale, ...verdict.dropped, ...verdict.files]
      if (found.length > 0) console.log(`run ${index} of seed ${seed}: ${found.join(', ')}\n${verdict.story}`)
      sum.checked += verdict.checked
      sum.stale.push(...verdict.stale)
      sum.dropped.push(...verdict.dropped)
      sum.files.push(...verdict.files)
      if ((index + 1) % 25 === 0) console.log(`${index + 1} runs, ${sum.stale.length} stale, ${sum.checked} checked`)
    }
    let staleWithout = 0
    const repeated = plans.slice(0, controls)
    for (const [index, schedule] of repeated.entries()) {
      const verdict = await crash(redis, schedule, `c${index}`, false)
      if (verdict.stale.length > 0) staleWithout++
    }
    const line = `${runs} runs, ${sum.stale.length} stale, ${sum.checked} invalidations checked`
    console.log(`${line}\nwithout journalFile: ${staleWithout} of ${repeated.length} runs serve what is stale`)
    const report = process.env['TEST_CRASH_REPORT']
    if (report !== undefined) await writeFile(report, line)
    expect(sum).toEqual({ checked: sum.checked, stale: [], dropped: [], files: [] })
    expect(sum.checked).toBeGreaterThan(runs)
    expect(staleWithout).toBe(repeated.length)
  },
)

test.each([
  ['with', true],
  ['without', false],
])('a process killed in good times drops nothing, %s journalFile', patience, async (_, hasFile) => {
  await using redis = await startRedis()
  for (let index = 0; index < Math.max(2, runs / 20); index++) {
    const folder = await mkdtemp(join(tmpdir(), 'test-crash-journal-'))
    try {
      const of = clientOf(redis, hasFile ? join(folder, 'journal') : undefined, `g${index}`)
      const writer = client.start({ ...of, role: 'writer', groups: [] })
      await writer.said('stored')
      if (index % 2 === 0) await sleep(index * 20)
      await writer.kill()
      expect(await readdir(folder)).toEqual([])
      const { last } = await readAll(client, of)
      expect(last).toEqual(Object.fromEntries(Object.keys(of.keys).map((key) => [key, [1]])))
      expect(await readdir(folder)).toEqual([])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
})

function schedulesOf(count: number): readonly Schedule[] {
  const plans = fc.sample(schedules, { numRuns: count, seed })
  // The controls must not depend on chance: in these the last word is told to nobody else, and the kill comes when it has been answered.
  const last: readonly Step[] = [{ do: 'delete', key: 'last' }]
  return plans.map((plan, index) => {
    if (index >= controls) return plan
    const groups = [...plan.groups, last]
    return { ...plan, groups, kill: { answers: groups.flat().length, delayMs: 0 } }
  })
}

function clientOf(redis: RedisServer, journalFile: string | undefined, prefix: string): Client {
  const keys = [
    ...plain.map((key) => [key, []]),
    ...tagged.map((key) => [key, ['t']]),
    ['last', []],
    ['kept', []],
    ['kept-tagged', ['u']],
  ]
  const named = (keys as Array<[string, string[]]>).map(([key, tags]) => [
    `${prefix}:${key}`,
    tags.map((tag) => `${prefix}:${tag}`),
  ])
  return { url: redis.url, journalFile, keys: Object.fromEntries(named) as Record<string, string[]> }
}

async function crash(
  redis: RedisServer,
  { groups, kill, next, heirMs, thawMs }: Schedule,
  prefix: string,
  hasFile: boolean,
): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'test-crash-journal-'))
  const of = clientOf(redis, hasFile ? join(folder, 'journal') : undefined, prefix)
  const named = groups.map((group) =>
    group.map((step): Step => {
      if (step.do === 'clear') return step
      return step.do === 'tag' ? { ...step, tag: `${prefix}:${step.tag}` } : { ...step, key: `${prefix}:${step.key}` }
    }),
  )
  const writer = client.start({ ...of, role: 'writer', groups: named })
  try {
    await writer.said('stored')
    redis.pause()
    writer.go()
    await answersOf(writer, kill.answers)
    await sleep(kill.delayMs)
    await writer.kill()
    if (next === 'after it') redis.resume()
    const thawing = sleep(next === 'after it' ? 0 : thawMs).then(() => redis.resume())
    const early = heirMs === undefined ? undefined : await seenBefore(of, heirMs)
    const { seen, last } = await readAll(client, of)
    await thawing

    const answered = new Set(writer.lines.flatMap(({ acknowledged }) => acknowledged?.step ?? []))
    const oldest = oldestAllowed(named, answered, of)
    const stale = [...Object.entries(early ?? {}), ...Object.entries(seen)].flatMap(([key, versions]) =>
      versions
        .filter((version) => version !== null && version < (oldest.get(key) ?? 1))
        .map((version) => `${key} served as version ${version}, ${oldest.get(key)} is the oldest that may be`),
    )
    const dropped = kept
      .map((key) => `${prefix}:${key}`)
      .filter((key) => last[key]?.[0] !== 1)
      .map((key) => `${key} was dropped`)
    const files = (await readdir(folder)).map((file) => `${file} was left`)
    const story = JSON.stringify({ groups: named, kill, next, heirMs, thawMs, early, lines: writer.lines, seen, last })
    return { checked: answered.size, stale, dropped, files, story }
  } finally {
    redis.resume()
    await writer.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

/** What a process found that is killed after so long; nothing when it had not come so far. */
async function seenBefore(of: Client, ms: number): Promise<Versions> {
  const heir = client.start({ ...of, role: 'reader' })
  await sleep(ms)
  await heir.kill()
  return heir.lines.find((line) => line.found !== undefined)?.found?.seen ?? {}
}

/** Resolves when it has been given so many answers. */
async function answersOf(writer: RunningClient, count: number): Promise<void> {
  const heard = (): number => writer.lines.filter((line) => line.acknowledged !== undefined).length
  const given = new Promise<void>((resolve) => {
    const look = (): void => (heard() >= count ? resolve() : undefined)
    writer.onLine(look)
    look()
  })
  // It does not end by itself.
  await Promise.race([given, writer.ended()])
}

/** By key: the lowest version that may be served after what was answered. What was not answered may have happened or not. */
function oldestAllowed(
  groups: ReadonlyArray<readonly Step[]>,
  answered: ReadonlySet<number>,
  { keys }: Client,
): ReadonlyMap<string, number> {
  const oldest = new Map<string, number>()
  const highest = new Map<string, number>()
  const raise = (key: string, to: number): void => void oldest.set(key, Math.max(oldest.get(key) ?? 1, to))
  for (const [index, step] of groups.flat().entries()) {
    if (step.do === 'set') highest.set(step.key, step.version)
    if (!answered.has(index)) continue
    const targets =
      step.do === 'clear'
        ? Object.keys(keys)
        : step.do === 'tag'
          ? Object.keys(keys).filter((key) => keys[key]?.includes(step.tag))
          : [step.key]
    for (const key of targets) raise(key, step.do === 'set' ? step.version : (highest.get(key) ?? 1) + 1)
  }
  return oldest
}
