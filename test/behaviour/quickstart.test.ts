// The twenty lines a newcomer reads first, compiled and run as they are.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { run, tool } from '../../scripts/project.mjs'
import { startRedis } from '../support/redis-server.ts'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))
const story = [
  'parsing abc123 ...',
  "{ hash: 'abc123', pages: 12 }",
  "{ hash: 'abc123', pages: 12 }",
  'applied',
  'parsing abc123 ...',
  "{ hash: 'abc123', pages: 12 }",
  '',
].join('\n')

test('the quickstart runs once for two calls, again after the invalidation, and a second process not at all', async () => {
  const { code, output } = await run([...tool('typescript', 'tsc'), '-p', examples])
  expect([code, output]).toEqual([0, ''])
  await using redis = await startRedis()
  const env = { ...process.env, REDIS_URL: redis.url }
  const start = async (): Promise<string> =>
    (await promisify(execFile)(process.execPath, [`${examples}/dist/quickstart.js`], { env, timeout: 60_000 })).stdout
  expect(await start()).toBe(story)
  // What the first process loaded last is still there.
  expect(await start()).toBe(story.slice(story.indexOf('\n') + 1))
})
