// A tag clock that cannot be read when it is told that it has changed: nothing that is judged by it is served from memory until it can.
import { expect, test } from 'vitest'
import type { CacheBackend } from '../../src/index.ts'
import { createCache } from '../../src/index.ts'
import { until } from '../support/gate.ts'
import { asyncMapBackend } from '../support/map-backend.ts'

type PushEvents = Parameters<NonNullable<CacheBackend['push']>['watch']>[0]

test('memory is off while the news of the clock cannot be taken, and on again when they are', async () => {
  let told: PushEvents | undefined
  let refuses = false
  const clock = { id: '0-a', floor: 0, stamps: [] }
  const backend: CacheBackend = {
    ...asyncMapBackend(),
    push: {
      isOn: true,
      boundMs: 500,
      watch: (events) => {
        told = events
        return () => {}
      },
    },
    tags: {
      read() {
        // The store is well, and will not do this now.
        if (refuses) throw Object.assign(new Error('refused'), { refusal: true })
        return clock
      },
      stamp: () => clock,
      renew: () => clock,
    },
  }
  await using manager = await createCache({ backend, budget: '10s', env: {}, logLevel: 'silent' }).init()
  const l1 = async (): Promise<string> => (await manager.healthReport()).l1
  expect(await l1()).toBe('coherent')
  refuses = true
  told?.tagsChanged()
  await until('it is off', async () => (await l1()) === 'off')
  refuses = false
  await manager.get('anything')
  expect(await l1()).toBe('coherent')
  expect(manager.stats().outages).toBe(0)
})
