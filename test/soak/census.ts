// What a process holds: memory, what keeps its event loop alive, and what does not but is open all the same: the cache
// unreferences its sockets and most of its timers, so Node's own list does not show them.
import { readdirSync, readlinkSync } from 'node:fs'
import type { TimerCount } from '../support/counting-runtime.ts'

export interface Census {
  readonly heapUsed: number
  readonly rss: number
  /** `process.getActiveResourcesInfo()`, counted. */
  readonly resources: Readonly<Record<string, number>>
  /** Open sockets of the process, referenced or not; 0 where the system does not tell. */
  readonly sockets: number
  /** Timers the cache has set and neither fired nor cleared. */
  readonly timers: number
}

/** Collects garbage first: needs `--expose-gc`. */
export function takeCensus(runtime: TimerCount): Census {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('Start this process with --expose-gc')
  gc()
  const { heapUsed, rss } = process.memoryUsage()
  const resources: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
  return { heapUsed, rss, resources, sockets: openSockets(), timers: runtime.armed }
}

function openSockets(): number {
  const folder = '/proc/self/fd'
  try {
    return readdirSync(folder).filter((fd) => isSocket(`${folder}/${fd}`)).length
  } catch {
    return 0
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    // Closed meanwhile: that of the listing itself.
    return false
  }
}
