// The test server keeps its promises: others build on them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transformWithEsbuild } from 'vite'
import { expect, test } from 'vitest'
import { startRedis } from './redis-server.ts'
import { sharedRedisUrl } from './shared-redis.ts'

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a started server answers, holds nothing, and ends with stop', async () => {
  const redis = await startRedis()
  expect(await redis.cli('PING')).toBe('PONG')
  expect(await redis.cli('DBSIZE')).toBe('0')
  expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}/0`)
  const [, folder = ''] = (await redis.cli('CONFIG', 'GET', 'dir')).split('\n')
  await redis.stop()
  await redis.stop()
  expect(runs(redis.pid)).toBe(false)
  expect(existsSync(folder)).toBe(false)
})

test('a killed server comes back empty on the same port', async () => {
  await using redis = await startRedis()
  await redis.cli('SET', 'a', '1')
  const before = redis.pid
  await redis.kill('SIGTERM')
  await expect(redis.cli('PING')).rejects.toThrow()
  await redis.restart()
  expect(redis.pid).not.toBe(before)
  expect(await redis.cli('EXISTS', 'a')).toBe('0')
})

test('a paused server answers again after resume, and can be stopped while paused', async () => {
  const redis = await startRedis()
  redis.pause()
  const answer = redis.cli('PING')
  redis.resume()
  expect(await answer).toBe('PONG')
  redis.pause()
  await redis.stop()
  expect(runs(redis.pid)).toBe(false)
})

test('given lines of configuration win over the defaults', async () => {
  await using redis = await startRedis({
    config: ['requirepass secret', 'maxmemory 10mb'],
    cliArguments: ['-a', 'secret', '--no-auth-warning'],
  })
  expect(await redis.cli('CONFIG', 'GET', 'maxmemory')).toBe('maxmemory\n10485760')
})

test('a wrong configuration rejects with what the server said', async () => {
  await expect(startRedis({ config: ['no-such-directive yes'] })).rejects.toThrow(/no-such-directive/)
})

test('a server and its folder go with the process that started it, even when that is killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'test-holder-'))
  const source = new URL('redis-server.ts', import.meta.url)
  const { code } = await transformWithEsbuild(await readFile(source, 'utf8'), 'redis-server.ts')
  const here = code.replace(/(["'])(\.\.\/[^"']+)\1/g, (_, _quote, path: string) =>
    JSON.stringify(new URL(path, source).href),
  )
  await writeFile(join(folder, 'redis-server.mjs'), here)
  const script = `import { startRedis } from './redis-server.mjs'
    const redis = await startRedis()
    console.log(JSON.stringify({ pid: redis.pid, dir: (await redis.cli('CONFIG', 'GET', 'dir')).split('\\n')[1] }))
    setInterval(() => {}, 1000)`
  await writeFile(join(folder, 'holder.mjs'), script)
  const holder = spawn(process.execPath, [join(folder, 'holder.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(holder.stdout, 'data')) as [Buffer]
  const { pid, dir } = JSON.parse(line.toString()) as { pid: number; dir: string }
  expect(runs(pid)).toBe(true)
  holder.kill('SIGKILL')
  await expect.poll(() => runs(pid), { timeout: 20_000 }).toBe(false)
  await expect.poll(() => existsSync(dir), { timeout: 20_000 }).toBe(false)
  await rm(folder, { recursive: true })
})

test('the shared server of this run is known', () => {
  expect(sharedRedisUrl()).toMatch(/^rediss?:\/\//)
})
