// docs/errors.md and the page of each code: the block of the page provokes the error, and its text is exactly what the page shows.
import type { CacheErrorCode } from '@speedrun/cache'
import { cacheManager, closeCache, initCache, isCacheError, MemoryBackend } from '@speedrun/cache'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { root } from '../../scripts/project.mjs'
import type { DocPage } from '../support/doc-blocks.ts'
import { testPages } from '../support/doc-blocks.ts'

const source = await readFile(join(root, 'src/contracts/cache-error-code.ts'), 'utf8')
const codes = [...source.matchAll(/\| '(CACHE_[A-Z_]+)'/g)].map(([, code = '']) => code)
const index = await readFile(join(root, 'docs/errors.md'), 'utf8')
const textOf = async (code: string): Promise<string> => await readFile(join(root, `docs/errors/${code}.md`), 'utf8')

beforeEach(async () => {
  vi.stubEnv('CACHE_LOG_LEVEL', 'silent')
  await initCache(new MemoryBackend())
})
afterEach(closeCache)

/** What a page's block throws, rejects with, or hands over because nobody gets it thrown. */
async function outcomeOf(provoke: () => unknown): Promise<unknown> {
  try {
    return await provoke()
  } catch (error) {
    return error
  }
}

/** Where the error is no fault of the code that meets it. */
const nothingToFix = new Set(['CACHE_CORRUPT_ENTRY', 'CACHE_TIMEOUT', 'CACHE_CLOSED'])

const page =
  (code: string) =>
  ({ module, text, load }: DocPage): void => {
    let outcome: Promise<unknown> | undefined
    const provoked = async (): Promise<Error & { readonly code?: string }> => {
      const { provoke } = await load<{ provoke: () => unknown }>('provoke')
      return (await (outcome ??= outcomeOf(provoke))) as Error
    }
    module('provoke', 'brings an error of that code', async () => {
      expect(isCacheError(await provoked(), code as CacheErrorCode)).toBe(true)
    })
    text('message', 'is what it says', async (shown) => {
      const { name, message } = await provoked()
      expect(`${name} ${code}: ${message}`).toBe(shown.trim())
    })
    if (nothingToFix.has(code)) return
    module<{ fixed: () => unknown }>('fix', 'works', async ({ fixed }) => {
      await expect(outcomeOf(fixed)).resolves.not.toBeInstanceOf(Error)
    })
  }

await testPages({
  'docs/errors.md': ({ module }) =>
    module<{ forget: (key: string) => Promise<string> }>('tell', 'an error is told by its code', async ({ forget }) => {
      expect(await forget('k')).toBe('applied')
      vi.spyOn(cacheManager, 'delete').mockRejectedValueOnce(new TypeError('another'))
      await expect(forget('k')).rejects.toThrow('another')
      await initCache({ url: 'redis://127.0.0.1:1/0' })
      expect(await forget('k')).toBe('later')
    }),
  ...Object.fromEntries(codes.map((code) => [`docs/errors/${code}.md`, page(code)])),
})

test('every code has one page, and every page a code', async () => {
  expect(codes.length).toBeGreaterThan(10)
  expect((await readdir(join(root, 'docs/errors'))).toSorted()).toEqual(codes.map((code) => `${code}.md`).toSorted())
})

test('the index lists every code once, and nothing else', () => {
  const listed = [...index.matchAll(/^\| \[(CACHE_[A-Z_]+)\]\(errors\/(CACHE_[A-Z_]+)\.md\)/gm)]
  expect(listed.map(([, code]) => code)).toEqual(codes)
  for (const [, code, file] of listed) expect(file).toBe(code)
})

test.each(codes)('the page of %s is short, and begins with its name', async (code) => {
  const lines = (await textOf(code)).trimEnd().split('\n')
  expect(lines[0]).toBe(`# ${code}`)
  expect(lines.length).toBeLessThanOrEqual(52)
})
