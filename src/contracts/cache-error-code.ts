/** The closed list of error codes. `docs/errors/` has a page for each. */
export type CacheErrorCode =
  // misuse: thrown at once, to be fixed in code or configuration
  | 'CACHE_BAD_DURATION'
  | 'CACHE_BAD_OPTION'
  | 'CACHE_BAD_CONFIG'
  | 'CACHE_BAD_KEY'
  | 'CACHE_UNHASHABLE_ARGUMENT'
  | 'CACHE_NO_IDENTITY'
  | 'CACHE_MISUSE'
  // operational: part of running a cache
  | 'CACHE_UNSTORABLE_VALUE'
  | 'CACHE_CORRUPT_ENTRY'
  | 'CACHE_UNAVAILABLE'
  | 'CACHE_TIMEOUT'
  | 'CACHE_LOAD_TIMEOUT'
  | 'CACHE_CLOSED'
