// Makes a schedule that shows something as short as it gets: actions are left out, in halves, quarters and one by one, while it still does
// (delta debugging: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002).
import type { Action, Schedule } from './schedule.ts'

/** More is not worth the time. */
const mostTries = 600

export async function shrunk(schedule: Schedule, fails: (shorter: Schedule) => Promise<boolean>): Promise<Schedule> {
  let tries = 0
  let best = schedule
  const attempt = async (shorter: Schedule): Promise<boolean> => {
    if (tries++ >= mostTries || !(await fails(shorter))) return false
    best = shorter
    return true
  }
  for (let size = Math.ceil(best.actions.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < best.actions.length;) {
      const actions: readonly Action[] = [...best.actions.slice(0, start), ...best.actions.slice(start + size)]
      if (!(await attempt({ ...best, actions }))) start += size
    }
  }
  const last = (best.actions.at(-1)?.at ?? 0) + 1
  for (const turns of [last, last + 50]) if (turns < best.turns && (await attempt({ ...best, turns }))) break
  if (best.nodes > 2) await attempt({ ...best, nodes: best.nodes - 1 })
  return best
}
