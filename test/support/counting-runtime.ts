// A runtime whose timers are counted: what a cache has armed, and what it leaves.
import type { Runtime, Timer } from '../../src/index.ts'

export interface TimerCount {
  /** Neither fired nor cleared. */
  readonly armed: number
  /** How often one was armed so far. */
  readonly total: number
}

export function countTimers(of: Runtime): Runtime & TimerCount {
  const armed = new Set<Timer>()
  let total = 0
  return {
    ...of,
    setTimer(callback, ms, kind) {
      total++
      const fire = (): void => {
        armed.delete(timer)
        callback()
      }
      const timer = of.setTimer(fire, ms, kind)
      armed.add(timer)
      return timer
    },
    clearTimer(timer) {
      armed.delete(timer)
      of.clearTimer(timer)
    },
    get armed() {
      return armed.size
    },
    get total() {
      return total
    },
  }
}
