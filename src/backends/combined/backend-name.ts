import type { CacheBackend } from '../../contracts/backend.ts'
import { describe, misuse } from '../../support/errors.ts'

/** What a backend calls itself, or is called. */
export function nameOf(backend: CacheBackend): string {
  const made = backend.constructor as { readonly name?: unknown } | undefined
  if (backend.name !== undefined) return backend.name
  return typeof made?.name === 'string' && made.name !== '' && made.name !== 'Object' ? made.name : 'custom'
}

/** @throws {TypeError} `CACHE_BAD_OPTION` unless it has the six methods */
export function checkBackendShape(backend: CacheBackend, what: string): void {
  if (typeof backend !== 'object' || backend === null)
    throw misuse('CACHE_BAD_OPTION', `${what} must be a backend, got ${describe(backend)}`)
  for (const method of ['get', 'set', 'delete', 'exists', 'ping', 'close'] as const) {
    if (typeof backend[method] !== 'function')
      throw misuse('CACHE_BAD_OPTION', `${what} must be a backend, but has no method ${method}`)
  }
}
