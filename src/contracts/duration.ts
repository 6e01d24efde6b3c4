/**
 * A span of time. A number is **seconds**, as in `CACHE_DEFAULT_TTL` and in Redis' `EX`; a string names its unit:
 * `'500ms'`, `'90s'`, `'15m'`, `'24h'`, `'7d'`. `'forever'` is explicit: nothing else lives without an end.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}` | 'forever'
