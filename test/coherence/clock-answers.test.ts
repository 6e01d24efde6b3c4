// Answers of the tag clock that are heard in another order than they were given: an id that was replaced must not come back with them.
import { expect, test } from 'vitest'
import type { CacheBackend } from '../../src/index.ts'
import { createCache } from '../../src/index.ts'
import { gate } from '../support/gate.ts'
import { asyncMapBackend } from '../support/map-backend.ts'

test('what clear made void stays so, though a tag was stamped before it and is answered after it', async () => {
  const held = gate()
  let id = '0-a'
  const backend: CacheBackend = {
    ...asyncMapBackend(),
    // It tells of changes, so the clock is not read with each read.
    push: { isOn: true, boundMs: 500, watch: () => () => {} },
    tags: {
      read: () => ({ id, floor: 0, stamps: [] }),
      async stamp(tags) {
        const before = id
        await held.wait()
        return { id: before, floor: 0, stamps: tags.map((tag) => [tag, 1] as const) }
      },
      renew() {
        id = '1-b'
        return { id, floor: 0, stamps: [] }
      },
    },
  }
  await using manager = await createCache({ backend, budget: '10s', env: {}, logLevel: 'silent' }).init()
  await manager.setValue('k', 'old')
  expect(await manager.getValue('k')).toBe('old')
  const stamping = manager.invalidateTags(['t'])
  await held.reached
  expect(await manager.clear()).toBe('applied')
  held.open()
  expect(await stamping).toBe('applied')
  expect(await manager.getValue('k')).toBeUndefined()
})
