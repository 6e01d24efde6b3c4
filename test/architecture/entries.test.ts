// The entries of the built package, each in a Node.js process of its own: which packages it pulls in, and that CommonJS
// and ES modules get the same thing.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../scripts/project.mjs'
import { requireBuild } from '../support/built-package.ts'
import { packagesLoadedBy } from '../support/loaded-packages.ts'
import { sharedRedisUrl } from '../support/shared-redis.ts'

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly files: readonly string[]
}

const { name, exports, files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const entries = Object.keys(exports).filter((path) => path !== './package.json')
const specifierOf = (entry: string): string => join(name, entry).replaceAll('\\', '/')

beforeAll(() => void requireBuild())

describe.each(entries)('the entry %s', (entry) => {
  const specifier = specifierOf(entry)

  test('loads no package until it is used', async () => {
    expect(await packagesLoadedBy(`await import('${specifier}')`)).toEqual([])
  })

  test('is one instance for import and require', async () => {
    const script = `
      const required = require('${specifier}')
      import('${specifier}').then((imported) => {
        const names = Object.keys(imported)
        console.log(JSON.stringify({ count: names.length, differ: names.filter((name) => imported[name] !== required[name]) }))
      })`
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=commonjs', '--eval', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
    const { count, differ } = JSON.parse(stdout) as { count: number; differ: string[] }
    expect(count).toBeGreaterThan(0)
    expect(differ).toEqual([])
  })

  test('names files that exist and are published', () => {
    const conditions = exports[entry] as { types: string; default: string }
    for (const file of Object.values(conditions)) {
      expect(existsSync(join(root, file)), file).toBe(true)
      expect(
        files.some((published) => file.startsWith(`./${published}/`)),
        file,
      ).toBe(true)
    }
    expect(Object.keys(conditions)[0]).toBe('types')
  })
})

test('the entry . loads the Redis client when Redis is used', async () => {
  const script = `
    const { createCache } = await import('${name}')
    const cache = createCache({ url: process.env.TEST_REDIS_URL })
    await cache.init()
    await cache.close()`
  expect(await packagesLoadedBy(script, { TEST_REDIS_URL: sharedRedisUrl() })).toContain('@redis/client')
})

test('an entry that loads a package is found out, whichever way it does', async () => {
  const folder = await mkdtemp(join(root, 'node_modules/.cache/test-entry-'))
  const load = async (text: string): Promise<string[]> => {
    const file = join(folder, `${Math.random()}.mjs`)
    await writeFile(file, text)
    return packagesLoadedBy(`await import(${JSON.stringify(pathToFileURL(file).href)})`).then((all) =>
      // The fixture itself lies in node_modules/.cache.
      all.filter((found) => found !== '.cache'),
    )
  }
  try {
    expect(await load(`import '@redis/client'`)).toContain('@redis/client')
    expect(await load(`await import('@redis/client')`)).toContain('@redis/client')
    expect(
      await load(`import { createRequire } from 'node:module'; createRequire(import.meta.url)('@redis/client')`),
    ).toContain('@redis/client')
    expect(await load('export const nothing = 1')).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
