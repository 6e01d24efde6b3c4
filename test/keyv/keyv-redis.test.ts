// The adapter that is used most, on a real server that is killed: it tells of failures by events, or waits for its server for ever.
import KeyvRedis, { createKeyv } from '@keyv/redis'
import Keyv from 'keyv'
import { describe, test } from 'vitest'
import type { Duration } from '../../src/index.ts'
import { keyvBackend } from '../../src/keyv.ts'
import { backendContract, backendOutcomes } from '../../src/testing.ts'
import { startRedis } from '../support/redis-server.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'

const kinds = {
  'the adapter': (url: string) => new KeyvRedis(url, { namespace: 'keyv-redis' }),
  'a Keyv around it': (url: string) => new Keyv({ store: new KeyvRedis(url), namespace: 'keyv-redis-around' }),
  'the Keyv it makes': (url: string) => createKeyv(url, { namespace: 'keyv-redis-made' }),
}
const failures = 'B-26'
const allBut = (id: string): Record<string, string> =>
  Object.fromEntries(backendOutcomes.filter((one) => one.id !== id).map((one) => [one.id, 'checked above']))

describe.each(Object.entries(kinds))('%s', (name, connect) => {
  const open = (url: string, timeout: Duration = '30s') =>
    keyvBackend(connect(url), { disconnectOnClose: true, timeout })

  backendContract(name, () => ({ backend: open(sharedRedisUrl()), another: () => open(sharedRedisUrl()) }), {
    test,
    capabilities: ['batch', 'scan'],
    except: { [failures]: 'it needs a server of its own, below' },
  })
  backendContract(
    `${name}, its server killed`,
    async () => {
      const server = await startRedis()
      return { backend: open(server.url, '1s'), breakStore: () => server.stop(), end: () => server.stop() }
    },
    { test, except: allBut(failures) },
  )
})
