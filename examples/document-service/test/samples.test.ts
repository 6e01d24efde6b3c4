/**
 * The whole pipeline over every sample, twice, against what is known to be true of them. The two runs are made once, by one
 * OCR worker; each test looks at a part of the outcome.
 */
import { cacheManager, closeCache, initCache, MemoryBackend } from '@speedrun/cache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runBatch, type Outcome } from '../src/batch.ts'
import { closeOcr } from '../src/ocr-worker.ts'
import type { Report } from '../src/pipeline.ts'
import { figuresBetween, total, type RunFigures } from '../src/report.ts'
import { readExpected, readSamples, type ExpectedSample } from '../src/samples.ts'
import { wordAccuracy } from './word-accuracy.ts'

const expected = await readExpected()
const names = Object.keys(expected)

let first: readonly Outcome[] = []
let second: readonly Outcome[] = []
let firstFigures: ReadonlyMap<string, RunFigures> = new Map()
let secondFigures: ReadonlyMap<string, RunFigures> = new Map()

beforeAll(async () => {
  await initCache({ backend: new MemoryBackend(), env: {} })
  const files = await readSamples()
  const start = cacheManager.stats()
  first = await runBatch(files)
  const between = cacheManager.stats()
  second = await runBatch(files)
  firstFigures = figuresBetween(start, between)
  secondFigures = figuresBetween(between, cacheManager.stats())
}, 120_000)

afterAll(async () => {
  await closeOcr()
  await closeCache()
})

function reportOf(name: string): Report {
  const report = first.find((outcome) => outcome.name === name)?.report
  if (report === undefined) throw new Error(`${name} has no report`)
  return report
}

function samplesWith(wanted: (sample: ExpectedSample) => boolean): string[] {
  return names.filter((name) => wanted(expected[name] ?? { findings: [] }))
}

test('every sample is described and every description has its sample', () => {
  expect(first.map(({ name }) => name).sort()).toEqual([...names].sort())
  expect(names.length).toBeGreaterThanOrEqual(12)
})

describe('text', () => {
  test.each(samplesWith(({ text, scan }) => text !== undefined && scan === undefined))(
    'the text layer of %s is read word by word',
    (name) => {
      expect(reportOf(name).confidence).toBeNull()
      expect(wordAccuracy(reportOf(name).text, expected[name]?.text ?? '')).toBe(1)
    },
  )

  test.each(samplesWith(({ scan }) => scan === 'clean'))(
    'of the clean scan %s at least 95 in 100 words are read',
    (name) => {
      expect(reportOf(name).confidence).not.toBeNull()
      expect(wordAccuracy(reportOf(name).text, expected[name]?.text ?? '')).toBeGreaterThanOrEqual(0.95)
    },
  )

  test.each(samplesWith(({ scan }) => scan === 'rotated' || scan === 'noisy'))(
    'of the noisy or rotated scan %s at least 90 in 100 words are read',
    (name) => {
      expect(wordAccuracy(reportOf(name).text, expected[name]?.text ?? '')).toBeGreaterThanOrEqual(0.9)
    },
  )

  test.each(samplesWith(({ kind }) => kind !== undefined))('%s is recognised for what it is', (name) => {
    expect(reportOf(name).kind).toBe(expected[name]?.kind)
  })
})

describe('tampering', () => {
  const score = (name: string): number => reportOf(name).tampering?.score ?? Number.NaN
  const untouched = samplesWith(({ tampered }) => tampered === false)
  const tampered = samplesWith(({ tampered }) => tampered === true)

  test('three untouched and three tampered pictures are compared', () => {
    expect([untouched.length, tampered.length]).toEqual([3, 3])
  })

  test('each tampered picture ranks above each untouched one, with room between', () => {
    expect(Math.min(...tampered.map(score))).toBeGreaterThan(Math.max(...untouched.map(score)) + 0.3)
  })

  test('the region that was changed is named', () => {
    // What `scripts/make-samples.ts` replaced: (150, 308) to (480, 360).
    const region = reportOf('photo-tampered-visitor-pass.jpg').tampering?.region
    expect(region?.x).toBeGreaterThanOrEqual(130)
    expect(region?.y).toBeGreaterThanOrEqual(290)
    expect((region?.x ?? 0) + (region?.width ?? 0)).toBeLessThanOrEqual(496)
    expect((region?.y ?? 0) + (region?.height ?? 0)).toBeLessThanOrEqual(376)
  })
})

describe('findings', () => {
  const good = samplesWith(() => true).filter((name) => !isRejected(name))

  test.each(good)('%s has exactly the findings it should have', (name) => {
    const codes = reportOf(name).findings.map(({ code }) => code)
    expect([...new Set(codes)].sort()).toEqual([...(expected[name]?.findings ?? [])].sort())
  })

  test.each(names.filter(isRejected))('%s is refused with its reason', (name) => {
    const outcome = first.find((one) => one.name === name)
    expect(outcome?.report).toBeUndefined()
    expect(outcome?.error).toMatch(new RegExp(`^${expected[name]?.findings[0] ?? ''}: `))
  })

  test('the batch goes on after a bad file', () => {
    const firstError = first.findIndex(({ error }) => error !== undefined)
    expect(firstError).toBeGreaterThanOrEqual(0)
    expect(first.slice(firstError).some(({ report }) => report !== undefined)).toBe(true)
  })

  test('a sample without findings scores lower than every sample with some', () => {
    const scores = (some: boolean): number[] =>
      good.filter((name) => reportOf(name).findings.length > 0 === some).map((name) => reportOf(name).risk.score)
    expect(Math.max(...scores(false))).toBeLessThan(Math.min(...scores(true)))
  })
})

describe('cache', () => {
  test('the first run computes, in every operation', () => {
    for (const operation of ['document_parsing', 'ocr', 'image_analysis', 'validation', 'risk_score']) {
      expect(firstFigures.get(operation)?.loads, operation).toBeGreaterThan(0)
    }
  })

  test('the second run loads nothing and hits once for each load of the first', () => {
    const [one, two] = [total(firstFigures), total(secondFigures)]
    expect(two.loads).toBe(0)
    expect(two.hits).toBe(one.loads + one.hits)
    expect(two.savedMs).toBeGreaterThan(0)
  })

  test('the second run comes to the same results', () => {
    expect(second).toEqual(first)
  })
})

function isRejected(name: string): boolean {
  const rejecting = ['empty', 'unknown-type', 'truncated', 'unreadable']
  return expected[name]?.findings.some((code) => rejecting.includes(code)) ?? false
}
