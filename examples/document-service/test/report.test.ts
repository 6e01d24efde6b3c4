/**
 * What the demo prints.
 */
import type { HealthReport } from '@speedrun/cache'
import { expect, test } from 'vitest'
import { operationTable, outcomeLine, storeLine } from '../src/report.ts'

test('the table has a line per operation and their sum', () => {
  const first = new Map([
    ['ocr', { hits: 0, loads: 2, loadMs: 3200, savedMs: 0 }],
    ['validation', { hits: 1, loads: 3, loadMs: 45, savedMs: 5 }],
  ])
  const second = new Map([
    ['ocr', { hits: 2, loads: 0, loadMs: 0, savedMs: 3200 }],
    ['validation', { hits: 4, loads: 0, loadMs: 0, savedMs: 60 }],
  ])
  const lines = operationTable(first, second)
    .split('\n')
    .map((line) =>
      line
        .trim()
        .split(/\s{2,}/)
        .join(' | '),
    )
  expect(lines).toContain('ocr | 3.2 s | 0 s | 0 | 2 | 2 | 0 | 3.2 s')
  expect(lines).toContain('validation | 45 ms | 0 s | 1 | 4 | 3 | 0 | 65 ms')
  expect(lines.at(-1)).toBe('all | 3.2 s | 0 s | 1 | 6 | 5 | 0 | 3.3 s')
})

test('a bad file shows its error', () => {
  expect(outcomeLine({ name: 'cut.pdf', error: 'truncated: the pdf has no end' })).toMatch(
    /^cut\.pdf +ERROR truncated: /,
  )
})

test('without Redis the demo says so and how to get it, with Redis where the results are', () => {
  const health = (status: HealthReport['status']): string => storeLine({ status, backend: 'redis' } as HealthReport)
  expect(health('degraded')).toMatch(/No Redis answered[^]*docker compose -f infra\/compose\.yaml up -d[^]*REDIS_URL=/)
  expect(health('connected')).toMatch(/are in redis/)
})
