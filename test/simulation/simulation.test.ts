import { expect, test } from 'vitest'
// What is loaded later would take turns of its own in the first run.
import '../../src/backends/redis/redis-connection.ts'
import { run } from './run.ts'

const first = Number(process.env['SIM_SEED'] ?? 1)
const count = Number(process.env['SIM_RUNS'] ?? 100)

test(`${count} schedules from seed ${first}`, { timeout: 3_600_000 }, async () => {
  let reads = 0
  let loads = 0
  for (let seed = first; seed < first + count; seed++) {
    const verdict = await run({ seed, nodes: 3, keys: 3, steps: 1500, trouble: seed % 4 === 0 ? 0 : 1 })
    reads += verdict.reads
    loads += verdict.loads
    if (verdict.violations.length > 0) {
      console.log(verdict.log.slice(-Number(process.env['SIM_LOG'] ?? 150)).join('\n'))
      expect.fail(`seed ${seed}: ${verdict.violations.join('; ')}`)
    }
  }
  console.log(`${count} schedules, ${reads} reads, ${loads} loads`)
})
