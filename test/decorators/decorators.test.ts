// Decorators as they run. The test runner does not lower standard decorators, so the compiler does it first: the same
// class, once under each of the two decorator modes, importing the built package.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root, run, tool } from '../../scripts/project.mjs'
import { requireBuild } from '../support/built-package.ts'
import type * as Subject from './both/documents.ts'

beforeAll(() => void requireBuild())

describe.each(['standard', 'legacy'])('%s decorators', (mode) => {
  let subject: typeof Subject

  beforeAll(async () => {
    const output = join(root, 'node_modules/.cache/decorator-tests', mode)
    await rm(output, { recursive: true, force: true })
    const compiled = await run([
      ...tool('typescript', 'tsc'),
      '-p',
      join(root, 'test/decorators', `tsconfig.${mode}.json`),
    ])
    expect(compiled.code, compiled.output).toBe(0)
    subject = (await import(/* @vite-ignore */ pathToFileURL(join(output, 'documents.js')).href)) as typeof Subject
  })
  afterAll(() => subject.cache.close())

  test('run a method once for equal arguments, with its own `this` and private fields', async () => {
    const documents = new subject.Documents('a')
    const first = await documents.parse('1')
    expect(first).toEqual({ hash: '1', tenant: 'a', secret: 'private', run: 1 })
    expect(await documents.parse('1')).toEqual(first)
    expect((await documents.parse('2')).run).toBe(2)
  })

  test('share entries between objects, except where `scope` tells them apart', async () => {
    const run = async (tenant: string): Promise<number> => {
      const documents = new subject.Documents(tenant)
      await documents.parse('shared')
      return documents.runs
    }
    expect([await run('b'), await run('b'), await run('c')]).toEqual([1, 0, 1])
  })

  test('work on static methods', async () => {
    expect([await subject.Documents.count(), await subject.Documents.count()]).toEqual([1, 1])
  })

  test('leave an error of the method as it is', async () => {
    await expect(new subject.Documents('a').fail({ message: 'no' })).rejects.toMatchObject({ message: 'no', own: true })
  })

  test('give access to invalidation', async () => {
    const documents = new subject.Documents('d')
    await documents.parse('1')
    expect(await documents.invalidate('1')).toBe('applied')
    expect((await documents.parse('1')).run).toBe(2)
  })
})
