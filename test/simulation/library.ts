// What the simulation drives: the source, or a copy of it that somebody broke.
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type * as api from '../../src/index.ts'
import type * as replies from '../../src/backends/redis/reply-error.ts'

export type Library = Pick<typeof api, 'cached' | 'createCache' | 'RedisBackend'> & Pick<typeof replies, 'ReplyError'>

/** @param folder default: the source itself */
export async function libraryIn(
  folder: string = fileURLToPath(new URL('../../src', import.meta.url)),
): Promise<Library> {
  const load = async (file: string): Promise<unknown> =>
    await import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href)
  const { cached, createCache, RedisBackend } = (await load('index.ts')) as typeof api
  const { ReplyError } = (await load('backends/redis/reply-error.ts')) as typeof replies
  // What is loaded when it connects would take turns of its own in the first run.
  await load('backends/redis/redis-connection.ts')
  return { cached, createCache, RedisBackend, ReplyError }
}
