/**
 * How the steps are cached: what shares an entry, what must not, what goes when a document is forgotten.
 */
import { cacheManager, CacheKeyGenerator, closeCache, initCache, MemoryBackend } from '@speedrun/cache'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { contentOf } from '../src/document.ts'
import { finding } from '../src/finding.ts'
import { examine, forget, RejectedDocument, steps } from '../src/pipeline.ts'
import { readSample } from '../src/samples.ts'
import type { ParsedText } from '../src/steps/parse-text.ts'

const { bytes } = await readSample('invoice-text.pdf')
const content = contentOf(bytes)

/** Statistics count since the process began: each test looks at what it added. */
let start = cacheManager.stats()

beforeEach(async () => {
  await initCache({ backend: new MemoryBackend(), env: {} })
  start = cacheManager.stats()
})
afterAll(closeCache)

function loadsOf(operation: string): number {
  const { operations } = cacheManager.stats()
  return (operations[operation]?.loads ?? 0) - (start.operations[operation]?.loads ?? 0)
}

function allLoads(): number {
  return cacheManager.stats().total.loads - start.total.loads
}

test('the key generator names the entry that the cached step made', async () => {
  const parsed = await steps.parseText(content)
  expect(await cacheManager.getValue<ParsedText>(CacheKeyGenerator.documentParse(content.hash))).toEqual(parsed)
  expect(await cacheManager.getValue(CacheKeyGenerator.validation(content.hash, 'format'))).toBeUndefined()
  await examine('invoice.pdf', bytes)
  for (const type of ['format', 'content']) {
    expect(await cacheManager.getValue(CacheKeyGenerator.validation(content.hash, type))).toHaveProperty('findings', [])
  }
})

test('the same bytes under another name load nothing, and only their own name is judged', async () => {
  const right = await examine('invoice.pdf', bytes)
  const before = allLoads()
  const wrong = await examine('invoice.png', bytes)
  expect(right.findings).toEqual([])
  expect(wrong.findings.map(({ code }) => code)).toEqual(['mislabelled'])
  expect(allLoads() - before).toBe(1)
  expect(loadsOf('risk_score')).toBe(2)
  expect((await examine('invoice.pdf', bytes)).findings).toEqual([])
})

test('forgetting a document drops every step of it and no other document', async () => {
  const other = await readSample('certificate-dates-reversed.pdf')
  await examine('invoice.pdf', bytes)
  await examine(other.name, other.bytes)
  const before = allLoads()

  expect(await forget(content.hash)).toBe('applied')
  await examine(other.name, other.bytes)
  expect(allLoads() - before).toBe(0)
  await examine('invoice.pdf', bytes)
  expect(allLoads() - before).toBe(4)
})

test('the cached score changes when a finding does', async () => {
  const none = await steps.scoreRisk(content, { findings: [], tampering: null })
  const one = await steps.scoreRisk(content, { findings: [finding('iban-checksum', 'wrong')], tampering: null })
  expect(none.score).toBe(0)
  expect(one.score).toBeGreaterThan(none.score)
  expect(await steps.scoreRisk(content, { findings: [], tampering: null })).toEqual(none)
  expect(loadsOf('risk_score')).toBe(2)
})

test('a bad file is refused from the cache the second time', async () => {
  const bad = await readSample('bad-truncated.pdf')
  await expect(examine(bad.name, bad.bytes)).rejects.toBeInstanceOf(RejectedDocument)
  await expect(examine(bad.name, bad.bytes)).rejects.toThrow(/^truncated: /)
  expect(allLoads()).toBe(1)
})

test('a hundred requests for one document compute it once', async () => {
  await Promise.all(Array.from({ length: 100 }, () => examine('invoice.pdf', bytes)))
  expect(loadsOf('document_parsing')).toBe(1)
  expect(loadsOf('validation')).toBe(2)
})
