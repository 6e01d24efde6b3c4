// CACHE_ENABLED=False and the time before init and after close: functions work, nothing is read or written anywhere.
import { afterEach, expect, test, vi } from 'vitest'
import { cached, cacheManager, closeCache, initCache, MemoryBackend } from '../../src/index.ts'
import { mapBackend } from '../support/map-backend.ts'

afterEach(async () => {
  await closeCache()
})

test('disabled: no method of the backend is called, every operation says so', async () => {
  const backend = { ...mapBackend(), connect: () => {} }
  const methods = ['connect', 'get', 'set', 'delete', 'exists', 'ping', 'close'] as const
  const calls = methods.map((name) => vi.spyOn(backend, name))
  await initCache({ backend, env: { CACHE_ENABLED: 'False' } })
  let runs = 0
  const fn = cached(async (n: number) => ({ n, run: ++runs }), { name: 'disabled' })
  await fn(1)
  await fn(1)
  expect(runs).toBe(2)
  expect(await fn.refresh(1)).toEqual({ n: 1, run: 3 })
  expect(await fn.prime({ n: 1, run: 0 }, 1)).toBe(false)
  expect(fn.peek(1)).toBeUndefined()
  expect(await fn.invalidate(1)).toBe('disabled')
  expect(await fn.withStatus(1)).toMatchObject({ source: 'load' })
  expect(await cacheManager.getOrSet('k', () => 'loaded')).toBe('loaded')
  expect(await cacheManager.set('k', 'v')).toBe(false)
  expect(await cacheManager.setValue('k', 1)).toBe(false)
  expect(await cacheManager.get('k')).toBeNull()
  expect(await cacheManager.getValue('k')).toBeUndefined()
  expect(await cacheManager.exists('k')).toBe(false)
  expect(await cacheManager.delete('k')).toBe('disabled')
  expect(await cacheManager.invalidateTags(['t'])).toBe('disabled')
  expect(await cacheManager.clear()).toBe('disabled')
  expect(await cacheManager.inspect('k')).toBeNull()
  expect(await cacheManager.healthCheck()).toBe(false)
  expect(await cacheManager.healthReport()).toMatchObject({ status: 'disabled', primary: false })
  await closeCache()
  for (const spy of calls) expect(spy).not.toHaveBeenCalled()
})

test('before init and after close: loads are shared while they run, manual operations find nothing, one warning in all', async () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  // A process of its own, as far as the library can tell.
  vi.resetModules()
  const { cached, cacheManager } = await import('../../src/index.ts')
  let runs = 0
  const fn = cached(
    async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return { run: ++runs }
    },
    { name: 'before-init' },
  )
  const both = await Promise.all([fn(), fn()])
  expect(runs).toBe(1)
  expect(both[0]).not.toBe(both[1])
  await fn()
  expect(runs).toBe(2)
  expect(await cacheManager.get('k')).toBeNull()
  expect(await cacheManager.set('k', 'v')).toBe(false)
  expect(await cacheManager.delete('k')).toBe('disabled')
  expect(await cacheManager.healthCheck()).toBe(false)
  expect((await cacheManager.healthReport()).status).toBe('disconnected')
  expect(written.mock.calls.map(([line]) => line)).toEqual([
    'WARNING:cache:The cache is used before initCache(): functions run uncached\n',
  ])
})

test('initCache again with the same argument keeps the entries; with another the old backend is closed', async () => {
  const first = new MemoryBackend()
  const closed = vi.spyOn(first, 'close')
  const results = await Promise.all([initCache(first), initCache(first)])
  expect(results).toEqual([cacheManager, cacheManager])
  await cacheManager.set('k', 'v')
  await initCache(first)
  expect(await cacheManager.get('k')).toBe('v')
  expect(closed).not.toHaveBeenCalled()
  await initCache(new MemoryBackend())
  expect(closed).toHaveBeenCalledTimes(1)
  expect(await cacheManager.get('k')).toBeNull()
  await closeCache()
  await closeCache()
})
