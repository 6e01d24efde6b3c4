// `npm test`: everything that must hold, each stage one line, its output only when it fails. The last line is the sum
// of stages and tests: `N passed, N failed, N skipped`. Arguments go to Vitest (`npm test -- test/core`); the stages
// run all the same.
import './require-node.mjs'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, tool } from './project.mjs'

const project = (/** @type {string} */ path) => [...tool('typescript', 'tsc'), '-p', join(root, path)]

/** @type {Array<[name: string, command: () => string[]]>} */
const stages = [
  ['clean', () => [process.execPath, join(root, 'scripts/clean.mjs')]],
  ['build', () => project('tsconfig.build.json')],
  ['types of tests and scripts', () => project('test/tsconfig.json')],
  ['type tests', () => [process.execPath, join(root, 'scripts/type-tests.mjs')]],
  ...['examples', 'examples/document-service', 'bench']
    .filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))
    .map(
      (folder) =>
        /** @type {[string, () => string[]]} */ ([`types of ${folder}`, () => [...project(folder), '--noEmit']]),
    ),
  ['lint', () => [process.execPath, join(root, 'scripts/lint.mjs')]],
  ['format', () => [...tool('prettier'), '--check', '--log-level=warn', '.']],
  ['unused code and dependencies (knip)', () => tool('knip')],
  ['package contents (publint)', () => [...tool('publint'), '--strict', '--pack=npm']],
  [
    'package types (attw)',
    () => [...tool('@arethetypeswrong/cli', 'attw'), '--pack', root, '--profile', 'esm-only', '--no-emoji'],
  ],
]

const sum = { passed: 0, failed: 0, skipped: 0 }
const seconds = (/** @type {number} */ since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

for (const [name, command] of stages) {
  const started = performance.now()
  let result
  try {
    result = await run(command())
  } catch (error) {
    result = { code: 1, output: `${String(error)}\n` }
  }
  sum[result.code === 0 ? 'passed' : 'failed'] += 1
  console.log(`${result.code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds(started)})`)
  if (result.code !== 0) console.log(result.output.trimEnd().replace(/^/gm, '       '))
}

const code = await runTests(process.argv.slice(2))
process.exitCode = sum.failed === 0 ? code : code || 1
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)

/**
 * Runs Vitest and adds its tests to the sum.
 * @param {readonly string[]} args
 * @returns {Promise<number>} its exit status
 */
async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'test-report-'))
  try {
    const file = join(folder, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const { code } = await run([...tool('vitest'), 'run', ...reporters, ...args], { show: true })
    const failedBefore = sum.failed
    if (existsSync(file)) add(JSON.parse(readFileSync(file, 'utf8')))
    // No report, or an error outside of any test: still a failure, and it must show in the sum.
    if (code !== 0 && sum.failed === failedBefore) sum.failed += 1
    return code
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * @typedef {{ status: string, fullName: string }} TestResult
 * @param {{ testResults: Array<{ name: string, status: string, assertionResults: TestResult[] }> }} report
 */
function add({ testResults }) {
  for (const file of testResults) {
    const tests = file.assertionResults
    for (const { status, fullName } of tests) {
      if (status === 'passed' || status === 'failed') {
        sum[status] += 1
      } else {
        sum.skipped += 1
        console.log(`skipped: ${fullName}`)
      }
    }
    // A file that could not be loaded, or whose set-up failed, has no failed test.
    if (file.status === 'failed' && !tests.some((test) => test.status === 'failed')) sum.failed += 1
  }
}
