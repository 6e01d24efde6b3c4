// Times as the server takes them. It knows whole seconds by a clock that ticks once a second, so what is to live for a second may be gone
// after a moment: everything lives one second longer here, and never shorter than asked. More than thirty days it takes for a date
// (doc/protocol.txt, "Expiration times"), which it keeps in 32 bits.

const thirtyDays = 30 * 86_400
const lastDate = 2 ** 31 - 1

/** For a time in milliseconds, as a number of seconds below the thirty days. */
export function atLeast(ms: number): number {
  return Math.min(thirtyDays, Math.ceil(ms / 1000) + 1)
}

/**
 * The token of a `T` flag.
 * @param seconds whole, at least 1
 * @param now the server's clock, seconds
 */
export function expiry(seconds: number, now: number): number {
  const life = seconds + 1
  return life <= thirtyDays ? life : Math.min(lastDate, Math.ceil(now) + life)
}
