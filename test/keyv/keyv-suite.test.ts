// Keyv's own suite for storage adapters, as it is published, on a cache in memory and on one in Redis.
import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite'
import Keyv from 'keyv'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import * as vitest from 'vitest'
import { createCache, MemoryBackend } from '../../src/index.ts'
import { keyvStore } from '../../src/keyv.ts'
import { connected } from './connected.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'

const memory = createCache({ backend: new MemoryBackend() })
const redis = createCache({ url: sharedRedisUrl(), namespace: 'keyv-suite', budget: '10s' })
const withoutMemory = createCache({ url: sharedRedisUrl(), namespace: 'keyv-suite-l2', l1: false, budget: '10s' })
const caches = { memory, redis, 'a part of one in Redis': withoutMemory.namespace('part') }

beforeAll(async () => {
  for (const cache of [memory, redis, withoutMemory]) await connected(cache)
})
afterAll(async () => {
  for (const cache of [memory, redis, withoutMemory]) {
    expect((await cache.healthReport()).status).toBe('connected')
    await cache.clear()
    await cache.close()
  }
})

describe.each(Object.entries(caches))('on %s', (_name, cache) => {
  describe('the suite', () => {
    keyvTestSuite(vitest, Keyv, () => keyvStore(cache))
  })
  describe('its iterator', () => {
    keyvIteratorTests(vitest, Keyv, () => keyvStore(cache))
  })
})
