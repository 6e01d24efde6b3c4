/**
 * `npm run demo`: the samples twice through the pipeline. The first run computes, the second must not.
 * Exits with 1 if it did, or if it came to another result.
 */
import { isDeepStrictEqual } from 'node:util'
import { cacheManager, closeCache, initCache } from '@speedrun/cache'
import { runBatch, type Outcome } from './batch.ts'
import { closeOcr } from './ocr-worker.ts'
import { showProgress } from './progress.ts'
import { figuresBetween, operationTable, outcomeLine, seconds, storeLine, total, type RunFigures } from './report.ts'
import { readSamples, type Sample } from './samples.ts'

interface Run {
  readonly outcomes: readonly Outcome[]
  readonly figures: ReadonlyMap<string, RunFigures>
}

// Memory stands in for an absent Redis for 30 s by default; on a slow machine the first run may take longer.
await initCache({ fallbackTtl: '10m', logLevel: 'error' })
try {
  const files = await readSamples()
  const first = await run('First run ', files)
  console.log('\n' + first.outcomes.map(outcomeLine).join('\n') + '\n')
  const second = await run('Second run', files)

  console.log('\n' + operationTable(first.figures, second.figures) + '\n')
  const same = isDeepStrictEqual(first.outcomes, second.outcomes)
  const loads = total(second.figures).loads
  console.log(
    `The second run loaded ${loads === 0 ? 'nothing' : loads} and came to ${same ? 'the same' : 'OTHER'} results.`,
  )
  console.log(storeLine(await cacheManager.healthReport()))
  process.exitCode = loads === 0 && same ? 0 : 1
} finally {
  await closeOcr()
  await closeCache()
}

async function run(label: string, files: readonly Sample[]): Promise<Run> {
  const progress = showProgress(label, files.length)
  const before = cacheManager.stats()
  const start = performance.now()
  const outcomes = await runBatch(files, ({ name }) => progress.step(name))
  progress.done(`${files.length} files in ${seconds(performance.now() - start)}`)
  // A slow store may still be writing what the run left behind.
  await cacheManager.drain()
  return { outcomes, figures: figuresBetween(before, cacheManager.stats()) }
}
