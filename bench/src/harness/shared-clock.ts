/**
 * Nanoseconds on a clock that all processes of one machine share and that never steps: the monotonic clock of the system, which
 * `process.hrtime` reads. `performance.now()` counts from another moment in each process.
 */
export function sharedNow(): number {
  return Number(process.hrtime.bigint())
}
