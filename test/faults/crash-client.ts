// One life of a process that uses the cache, for tests that end it by force. Compiled and started by crash-processes.ts. It says on stdout,
// line by line and without any buffer in between, what it was answered: whatever stands there had resolved before the process was killed.
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CacheManager, createCache } from '../../src/index.ts'

export type Step =
  | { readonly do: 'set'; readonly key: string; readonly version: number }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'tag'; readonly tag: string }
  | { readonly do: 'clear' }

export interface Client {
  readonly url: string
  readonly journalFile?: string | undefined
  readonly onLostNode?: 'ttl' | 'bump'
  /** Each key with its tags. */
  readonly keys: Readonly<Record<string, readonly string[]>>
}

export type Job =
  /** Stores version 1 of each key, says so, waits for a word, does the steps, and stays until it is killed. */
  | (Client & { readonly role: 'writer'; readonly groups: ReadonlyArray<readonly Step[]> })
  /** Reads all keys again and again, from the first moment until Redis has been in use for a whole round. */
  | (Client & { readonly role: 'reader' })

/** One of them at a time. */
export interface Line {
  readonly stored?: true
  readonly acknowledged?: { readonly step: number; readonly outcome: unknown }
  readonly done?: true
  readonly started?: true
  readonly found?: { readonly seen: Versions; readonly last: Versions }
}

/** By key; `null`: nothing. */
export type Versions = Readonly<Record<string, ReadonlyArray<number | null>>>

const job = JSON.parse(process.argv[2] ?? '') as Job
const say = (line: Line): void => void writeSync(1, `${JSON.stringify(line)}\n`)
// Nobody outlives the test.
process.stdin.on('end', () => process.exit(1))
const word = new Promise((resolve) => process.stdin.once('data', resolve))

if (job.role === 'writer') await write(job)
else await read(job)

async function write({ url, journalFile, onLostNode, keys, groups }: Extract<Job, { role: 'writer' }>): Promise<void> {
  // The first call of an outage waits for it.
  const manager = await createCache({ url, journalFile, onLostNode, budget: '100ms', logLevel: 'silent' }).init()
  const store = async (key: string, version: number): Promise<boolean> =>
    await manager.setValue(key, version, { ttl: '1h', tags: [...(keys[key] ?? [])] })
  // On a busy machine a call may take longer than the budget; what it wrote is deleted then.
  while (!(await areStored())) {
    for (const key of Object.keys(keys)) await store(key, 1)
    // While the store is away nothing of this waits for anything: what would bring it back needs its time.
    await sleep(20)
  }
  say({ stored: true })
  await word
  let index = 0
  for (const group of groups) {
    const first = index
    index += group.length
    await Promise.all(
      group.map(async (step, at) =>
        say({ acknowledged: { step: first + at, outcome: await answerOf(manager, step) } }),
      ),
    )
  }
  say({ done: true })

  async function areStored(): Promise<boolean> {
    if (!(await isInUse(manager))) return false
    for (const key of Object.keys(keys)) if ((await manager.getValue(key)) !== 1) return false
    return await isInUse(manager)
  }

  async function answerOf(cache: CacheManager, step: Step): Promise<unknown> {
    if (step.do === 'set') return await store(step.key, step.version)
    if (step.do === 'delete') return await cache.delete(step.key)
    return await (step.do === 'tag' ? cache.invalidateTags([step.tag]) : cache.clear())
  }
}

async function read({ url, journalFile, onLostNode, keys }: Extract<Job, { role: 'reader' }>): Promise<void> {
  // Whatever is asked of a Redis that is in use must be answered, however long it takes.
  const manager = await createCache({ url, journalFile, onLostNode, budget: '60s', logLevel: 'silent' }).init()
  say({ started: true })
  const seen = new Map<string, Set<number | null>>()
  const round = async (): Promise<Versions> => {
    const found: Record<string, ReadonlyArray<number | null>> = {}
    for (const key of Object.keys(keys)) {
      const version = (await manager.getValue<number>(key)) ?? null
      seen.set(key, (seen.get(key) ?? new Set()).add(version))
      found[key] = [version]
    }
    return found
  }
  for (;;) {
    const isSettled = await isInUse(manager)
    const last = await round()
    if (isSettled && (await isInUse(manager))) {
      say({ found: { seen: Object.fromEntries([...seen].map(([key, versions]) => [key, [...versions]])), last } })
      break
    }
    await sleep(5)
  }
  await manager.close()
  process.stdin.destroy()
}

async function isInUse(manager: CacheManager): Promise<boolean> {
  return (await manager.healthReport()).status === 'connected' && manager.stats().journal === 0
}
