// Every wall is broken once, on purpose, in a folder of its own, and must be reported there: a wall that nobody has seen
// hold may be painted on. Then the project itself must be clean. The walls are .oxlintrc.json and source-walls.ts.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root, run, tool } from '../../scripts/project.mjs'
import { requireBuild } from '../support/built-package.ts'
import { examineDeclarations, examineSources } from './source-walls.ts'

const imports = 'eslint(no-restricted-imports)'
const globals = 'eslint(no-restricted-globals)'
const properties = 'eslint(no-restricted-properties)'

/** file, its text, the one rule it breaks */
const violations: ReadonlyArray<readonly [file: string, text: string, rule: string]> = [
  // the import table
  ['src/contracts/knows-support.ts', `export type { Nothing } from '../support/nothing.ts'`, imports],
  ['src/support/knows-core.ts', `export { nothing } from '../core/nothing.ts'`, imports],
  ['src/support/knows-a-package.ts', `export const load = (): Promise<unknown> => import('@redis/client')`, imports],
  ['src/core/knows-a-backend.ts', `export { nothing } from '../backends/memory/nothing.ts'`, imports],
  ['src/core/knows-a-backend-by-type.ts', `export type { Nothing } from '../backends/memory/nothing.ts'`, imports],
  [
    'src/core/knows-a-backend-late.ts',
    `export const load = (): Promise<unknown> => import('../backends/memory/nothing.ts')`,
    imports,
  ],
  ['src/core/knows-a-detour.ts', `export { nothing } from '../contracts/../backends/memory/nothing.ts'`, imports],
  ['src/core/knows-a-public-noun.ts', `export { nothing } from '../nothing.ts'`, imports],
  ['src/core/knows-a-plugin.ts', `export { nothing } from '../plugins/nothing.ts'`, imports],
  ['src/core/knows-a-package.ts', `export type { Nothing } from '@redis/client'`, imports],
  ['src/core/knows-timers.ts', `export { setTimeout } from 'node:timers'`, imports],
  ['src/core/knows-randomness.ts', `export { randomBytes } from 'node:crypto'`, imports],
  ['src/backends/memory/knows-core.ts', `export { nothing } from '../../core/nothing.ts'`, imports],
  ['src/backends/memory/knows-another.ts', `export { nothing } from '../redis/nothing.ts'`, imports],
  ['src/backends/memory/knows-the-client.ts', `export type { Nothing } from '@redis/client'`, imports],
  ['src/backends/memory/knows-a-codec.ts', `export { nothing } from '../../codecs/nothing.ts'`, imports],
  ['src/backends/redis/knows-core.ts', `export { nothing } from '../../core/nothing.ts'`, imports],
  ['src/backends/redis/knows-another-client.ts', `export type { Nothing } from 'ioredis'`, imports],
  ['src/backends/redis/knows-timers.ts', `export { setTimeout } from 'node:timers/promises'`, imports],
  ['src/codecs/knows-core.ts', `export { nothing } from '../core/nothing.ts'`, imports],
  ['src/codecs/knows-a-backend.ts', `export { nothing } from '../backends/memory/nothing.ts'`, imports],
  ['src/knows-another-backend.ts', `export { nothing } from './backends/memcached/nothing.ts'`, imports],
  ['src/knows-the-link.ts', `export { nothing } from './backends/redis/redis-link.ts'`, imports],
  ['src/knows-a-package.ts', `export type { Nothing } from '@redis/client'`, imports],
  ['src/knows-another-codec.ts', `export { nothing } from './codecs/brotli.ts'`, imports],
  ['src/plugins/knows-core.ts', `export { nothing } from '../core/nothing.ts'`, imports],
  ['src/plugins/knows-observe.ts', `export { nothing } from '../observe/nothing.ts'`, imports],
  ['src/plugins/knows-a-package.ts', `export { fastify } from 'fastify'`, imports],
  ['src/observe/knows-a-backend.ts', `export { nothing } from '../backends/memory/nothing.ts'`, imports],
  ['src/cli/knows-core.ts', `export { nothing } from '../core/nothing.ts'`, imports],
  ['src/testing/knows-core.ts', `export { nothing } from '../core/nothing.ts'`, imports],
  ['src/testing/knows-a-public-noun.ts', `export { nothing } from '../nothing.ts'`, imports],
  // one door to time, timers and randomness
  ['src/core/reads-the-clock.ts', 'export const now = Date.now()', globals],
  ['src/core/makes-a-date.ts', 'export const now = new Date()', globals],
  ['src/core/sets-a-timer.ts', 'setTimeout(() => undefined, 1)', globals],
  ['src/core/sets-a-timer-by-globalthis.ts', 'globalThis.setTimeout(() => undefined, 1)', globals],
  ['src/core/sets-an-interval.ts', 'setInterval(() => undefined, 1)', globals],
  ['src/core/sets-an-immediate.ts', 'setImmediate(() => undefined)', globals],
  ['src/core/clears-a-timer.ts', 'clearTimeout(undefined)', globals],
  ['src/core/queues-a-microtask.ts', 'queueMicrotask(() => undefined)', globals],
  ['src/core/measures.ts', 'export const now = performance.now()', globals],
  ['src/core/asks-the-process.ts', 'export const now = process.hrtime()', globals],
  ['src/core/makes-an-id.ts', 'export const id = crypto.randomUUID()', globals],
  ['src/core/draws.ts', 'export const chance = Math.random()', properties],
  ['src/core/sets-a-deadline.ts', 'export const signal = AbortSignal.timeout(1)', properties],
  ['src/backends/redis/reads-the-clock.ts', 'export const now = Date.now()', globals],
  ['src/backends/redis/sets-a-timer.ts', 'setTimeout(() => undefined, 1)', globals],
  ['src/backends/memory/draws.ts', 'export const chance = Math.random()', properties],
  ['src/support/sets-a-timer.ts', 'setTimeout(() => undefined, 1)', globals],
  ['src/support/reads-the-clock.ts', 'export const now = Date.now()', properties],
  ['src/reads-the-clock.ts', 'export const now = Date.now()', properties],
  ['src/sets-a-timer.ts', 'setTimeout(() => undefined, 1)', globals],
  // promises
  [
    'src/core/forgets-a-promise.ts',
    'export const forget = (promise: Promise<void>): void => { promise.then(() => undefined) }',
    'typescript(no-floating-promises)',
  ],
  [
    'src/core/tests-a-promise.ts',
    'export const is = (promise: Promise<boolean>): number => (promise ? 1 : 2)',
    'typescript(no-misused-promises)',
  ],
  [
    'test/forgets-a-promise.ts',
    'export const forget = (promise: Promise<void>): void => { promise.then(() => undefined) }',
    'typescript(no-floating-promises)',
  ],
  // cycles, also of types
  ['src/core/cycle-a.ts', `import type { B } from './cycle-b.ts'\nexport interface A { b: B }`, 'import(no-cycle)'],
  ['src/core/cycle-b.ts', `import type { A } from './cycle-a.ts'\nexport interface B { a: A }`, 'import(no-cycle)'],
  [
    'src/core/hides-an-import.ts',
    `export type Nothing = import('./nothing.ts').Nothing`,
    'typescript(consistent-type-imports)',
  ],
  // form
  ['src/core/exports-a-default.ts', 'export default 1', 'import(no-default-export)'],
  ['src/core/NotKebab.ts', 'export {}', 'unicorn(filename-case)'],
  ['src/core/is-long.ts', `${'export {}\n'.repeat(300)}export {}`, 'eslint(max-lines)'],
  ['src/core/knows-any.ts', 'export const value: any = 1', 'typescript(no-explicit-any)'],
  ['src/core/hushes-the-compiler.ts', '// @ts-ignore\nexport const value: number = "1"', 'typescript(ban-ts-comment)'],
  ['src/core/prints.ts', `console.log('a')`, 'eslint(no-console)'],
  [
    'test/focuses.test.ts',
    `import { test } from 'vitest'\ntest.only('a', () => undefined)`,
    'vitest(no-focused-tests)',
  ],
]

/** What looks alike and is allowed. */
const allowed: ReadonlyArray<readonly [file: string, text: string]> = [
  ['src/contracts/knows-contracts.ts', `export type { Nothing } from './nothing.ts'`],
  ['src/support/runtime.ts', 'setTimeout(() => Date.now() + Math.random() + performance.now(), 1)'],
  [
    'src/core/knows-its-own.ts',
    `export { a } from '../contracts/a.ts'\nexport { b } from '../support/b.ts'\nexport { c } from './c.ts'`,
  ],
  ['src/core/hashes.ts', `export { createHash } from 'node:crypto'`],
  ['src/backends/redis/loads-the-client.ts', `export const load = (): Promise<unknown> => import('@redis/client')`],
  ['src/backends/redis/names-the-client.ts', `export type { RedisClientType } from '@redis/client'`],
  [
    'src/backends/memcached/opens-a-socket.ts',
    `export { connect } from 'node:net'\nexport { a } from '../../support/a.ts'`,
  ],
  [
    'src/plugins/names-a-package.ts',
    `export type { FastifyInstance } from 'fastify'\nexport { cached } from '../cached.ts'`,
  ],
  [
    'src/knows-what-it-may.ts',
    `export { RedisBackend } from './backends/redis/redis-backend.ts'\nexport { a } from './core/a.ts'`,
  ],
  ['src/core/is-just-short-enough.ts', `${'export {}\n'.repeat(299)}export {}`],
]

let folder = ''
afterAll(() => rm(folder, { recursive: true, force: true }))

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true })
  await writeFile(join(folder, file), `${text}\n`)
}

describe('the linter', () => {
  let reported: readonly string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'test-walls-'))
    await copyFile(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    const compilerOptions = {
      target: 'ES2023',
      module: 'NodeNext',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      types: [],
    }
    await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['src', 'test'] }))
    for (const [file, text] of [...violations, ...allowed]) await write(file, text)

    const [, tsgolint = ''] = tool('oxlint-tsgolint', 'tsgolint')
    const [node, ...args] = [...tool('oxlint'), '--type-aware', '--format=json', '.']
    const env = { ...process.env, OXLINT_TSGOLINT_PATH: tsgolint }
    const output = await new Promise<string>((resolve) => {
      execFile(node, args, { cwd: folder, env, maxBuffer: 1 << 26 }, (_error, stdout) => resolve(stdout))
    })
    const { diagnostics } = JSON.parse(output) as { diagnostics: ReadonlyArray<{ filename: string; code: string }> }
    reported = diagnostics.map(({ filename, code }) => `${filename.replaceAll('\\', '/')} ${code}`)
  })

  test.each(violations)('%s breaks exactly one wall', (file, _text, rule) => {
    expect(reported.filter((report) => report.startsWith(`${file} `))).toEqual([`${file} ${rule}`])
  })

  test.each(allowed)('%s is allowed', (file) => {
    expect(reported.filter((report) => report.startsWith(`${file} `))).toEqual([])
  })

  test('passes the project, having looked at every file of it', async () => {
    const { code, output } = await run([
      process.execPath,
      fileURLToPath(new URL('../../scripts/lint.mjs', import.meta.url)),
    ])
    expect(output).toMatch(/ on [1-9]\d+ files/)
    expect(code, output).toBe(0)
  })
})

describe('what the linter cannot express', () => {
  const broken: ReadonlyArray<readonly [file: string, text: string, rule: string]> = [
    ['core/utils.ts', 'export const a = 1', 'file-name'],
    ['contracts/types.ts', 'export type A = 1', 'file-name'],
    ['core/common.ts', 'export const a = 1', 'file-name'],
    ['backends/memory/index.ts', 'export const a = 1', 'file-name'],
    ['core/all.ts', `export * from './a.ts'`, 'barrel'],
    ['core/some.ts', `export { a } from './a.ts'`, 'barrel'],
    ['core/some-types.ts', `export type { A } from './a.ts'`, 'barrel'],
    ['core/in-two-steps.ts', `import { a } from './a.ts'\nexport { a }`, 'barrel'],
    ['contracts/constant.ts', 'export const a = 1', 'contracts-are-types'],
    ['contracts/class.ts', 'export class A {}', 'contracts-are-types'],
    ['contracts/import.ts', `import './a.ts'`, 'contracts-are-types'],
    [
      'backends/redis/client.ts',
      `import { createClient } from '@redis/client'\nexport const a = createClient`,
      'client-is-lazy',
    ],
    ['backends/redis/side-effect.ts', `import '@redis/client'`, 'client-is-lazy'],
  ]
  const fine: ReadonlyArray<readonly [file: string, text: string]> = [
    ['index.ts', `export { a } from './a.ts'`],
    [
      'contracts/a.ts',
      `import type { B } from './b.ts'\nexport type { B as C }\nexport interface A { readonly b: B }\ntype D = A\nexport type E = D`,
    ],
    [
      'backends/redis/lazy.ts',
      `import type { A } from '@redis/client'\nexport const load = (): Promise<A> => import('@redis/client')`,
    ],
  ]

  test.each(broken)('src/%s is reported', async (file, text, rule) => {
    const own = await mkdtemp(join(tmpdir(), 'test-wall-'))
    await mkdir(dirname(join(own, file)), { recursive: true })
    await writeFile(join(own, file), text)
    expect(examineSources(own).violations).toMatchObject([{ file, rule }])
    await rm(own, { recursive: true })
  })

  test.each(fine)('src/%s is allowed', async (file, text) => {
    const own = await mkdtemp(join(tmpdir(), 'test-wall-'))
    await mkdir(dirname(join(own, file)), { recursive: true })
    await writeFile(join(own, file), text)
    // Passing a type on under another name inside contracts would be a barrel too: only this file's own rule counts.
    expect(examineSources(own).violations.filter(({ rule }) => rule !== 'barrel')).toEqual([])
    await rm(own, { recursive: true })
  })

  test('the project keeps every one of these walls', () => {
    const { examined, violations } = examineSources(join(root, 'src'))
    expect(examined).toBeGreaterThan(40)
    expect(violations).toEqual([])
  })
})

/** The declarations that package.json names, from dist. */
async function publicDeclarations(dist: string): Promise<string[]> {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>
  }
  const named = Object.values(manifest.exports).map((entry) => (entry as { types?: string }).types)
  return named.filter((path) => path !== undefined).map((path) => relative(dist, join(root, path)))
}

describe('emitted declarations', () => {
  /** An entry whose `A` is found by way of a re-export, a type mentioned and an `import()` type. */
  async function examine(text: string): Promise<ReturnType<typeof examineDeclarations>> {
    const own = await mkdtemp(join(tmpdir(), 'test-wall-'))
    await writeFile(join(own, 'index.d.ts'), `export { b } from './b.js'`)
    await writeFile(join(own, 'b.d.ts'), `import type { C } from './c.js'\nexport declare const b: C`)
    await writeFile(join(own, 'c.d.ts'), `export interface C { readonly a: import('./a.js').A }`)
    await writeFile(join(own, 'a.d.ts'), text)
    const result = examineDeclarations(own, ['index.d.ts'])
    await rm(own, { recursive: true })
    return result
  }

  test.each([
    ['export declare class A { #private; }', 'declared-private'],
    ['export declare class A { private a; }', 'declared-private'],
    ['export declare class A { private constructor(); }', 'declared-private'],
    ['declare class A { #private; }\nexport type { A }', 'declared-private'],
    ['export interface A { readonly a: Map<string, any> }', 'declared-any'],
    ['type Inner = any\nexport type A = Inner[]', 'declared-any'],
  ])('%s is reported', async (text, rule) => {
    expect((await examine(text)).violations).toMatchObject([{ file: 'a.d.ts', rule }])
  })

  test('a class that no user can reach may have private members', async () => {
    const { examined, violations } = await examine('export declare class B { #private; }\nexport interface A { a: 1 }')
    expect(examined).toBe(3)
    expect(violations).toEqual([])
  })

  test('of the project have no `any` and no private members', async () => {
    const dist = requireBuild()
    const { examined, violations } = examineDeclarations(dist, await publicDeclarations(dist))
    expect(examined).toBeGreaterThan(40)
    expect(violations).toEqual([])
  })
})
