// The guide's commands work as written: `REDIS_URL=redis://localhost:6379/0` and `docker exec -it speedrun-redis
// redis-cli` against infra/compose.yaml, whose server is the one of infra/redis.conf. Also: .env.example says what it
// said in the guide, and every line of it means to a program what it means to a reader.
import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { startRedis } from '../support/redis-server.ts'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

const redis = await startRedis()
afterAll(() => redis.stop())

test.each([
  ['maxmemory', String(2 * 1024 ** 3)],
  ['maxmemory-policy', 'allkeys-lru'],
  ['save', ''],
  ['appendonly', 'no'],
])('a server started with infra/redis.conf has %s %j', async (name, value) => {
  // The server of this test is started with the file itself: redis-server.ts includes it.
  const [, actual = ''] = (await redis.cli('CONFIG', 'GET', name)).split('\n')
  expect(actual).toBe(value)
})

test('compose starts one container named speedrun-redis, with that file, published on this machine only', async () => {
  const lines = (await read('infra/compose.yaml')).split('\n').map((line) => line.trim())
  expect(lines).toContain('container_name: speedrun-redis')
  expect(lines.find((line) => line.startsWith('image:'))).toMatch(/^image: redis:/)
  const published = lines.filter((line) => /^- .*\b6379$|^- '.*:6379'$/.test(line))
  expect(published).toEqual(["- '127.0.0.1:6379:6379'"])
  const [, inContainer] = /^- \.\/redis\.conf:([^:]+):ro$/m.exec(lines.join('\n')) ?? []
  expect(inContainer).toBeDefined()
  expect(lines).toContain(`command: ['redis-server', '${inContainer}']`)
  // Not bound inside the container: the port could not be published then.
  expect(await read('infra/redis.conf')).not.toMatch(/^\s*bind\b/m)
})

test('.env.example sets the variables of the guide, comments beside the values included', async () => {
  const text = await read('.env.example')
  expect(text).toContain('CACHE_TTL_DOCUMENT_PARSING=86400   # 24 hours\n')
  expect(parseEnv(text)).toEqual({
    REDIS_URL: 'redis://localhost:6379/0',
    REDIS_MAX_CONNECTIONS: '50',
    REDIS_SOCKET_TIMEOUT: '5',
    CACHE_ENABLED: 'True',
    CACHE_DEFAULT_TTL: '3600',
    CACHE_TTL_DOCUMENT_PARSING: '86400',
    CACHE_TTL_OCR: '172800',
    CACHE_TTL_IMAGE_ANALYSIS: '86400',
    CACHE_TTL_VALIDATION: '43200',
  })
})

test('our own variables stand in .env.example with their defaults, commented out', async () => {
  const own = (await read('.env.example')).match(/^# ?(?=CACHE_[A-Z_]+=)(.*)$/gm)
  expect(own).toEqual([
    '# CACHE_BUDGET=0.2',
    '# CACHE_LOG_LEVEL=warn',
    '# CACHE_WIRE_FORMAT=envelope',
    '# CACHE_NAMESPACE=',
  ])
})
