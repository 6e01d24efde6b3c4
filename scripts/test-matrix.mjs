// `npm run test:matrix`: what a newcomer does, on every supported Node.js: clone HEAD into an empty folder, install, run
// the demo, run the tests. One line per version, and the output of what failed. `--node 22` (repeatable) picks versions,
// `--no-demo` leaves the demo out.
import './require-node.mjs'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { findNode, npm } from './node-versions.mjs'
import { root, run } from './project.mjs'

const { values } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: ['20', '22', '24'] },
    demo: { type: 'boolean', default: true },
  },
  allowNegative: true,
})

const sum = { passed: 0, failed: 0 }
for (const major of values.node) {
  const started = performance.now()
  const { problem, note } = await check(Number(major))
  sum[problem === undefined ? 'passed' : 'failed'] += 1
  const seconds = Math.round((performance.now() - started) / 1000)
  console.log(`${problem === undefined ? 'ok    ' : 'FAILED'} Node.js ${major} (${seconds} s): ${note}`)
  if (problem !== undefined) console.log(problem.trimEnd().replace(/^/gm, '       '))
}
console.log(`${sum.passed} passed, ${sum.failed} failed`)
process.exitCode = sum.failed === 0 ? 0 : 1

/**
 * @param {number} major
 * @returns {Promise<{ problem?: string, note: string }>}
 */
async function check(major) {
  const folder = mkdtempSync(join(tmpdir(), `test-node-${major}-`))
  try {
    const node = await findNode(major)
    const clone = join(folder, 'clone')
    const env = environment(node)
    const npmCommand = (/** @type {string[]} */ ...args) => [node, npm(), ...args]
    const { demo } = /** @type {{ scripts: Record<string, string> }} */ (
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    ).scripts

    const steps = [
      ['git', 'clone', '--quiet', root, clone],
      npmCommand('install', '--no-audit', '--no-fund'),
      ...(values.demo && demo !== undefined ? [npmCommand('run', 'demo')] : []),
      npmCommand('test'),
    ]
    let last = ''
    for (const [index, step] of steps.entries()) {
      const { code, output } = await run(step, { cwd: index === 0 ? root : clone, env })
      last = output.trimEnd().split('\n').at(-1) ?? ''
      if (code !== 0) return { problem: output, note: `\`${step.slice(-2).join(' ')}\` ended with ${code}` }
    }
    return { note: `${(await run([node, '--version'])).output.trim()}, ${last}` }
  } catch (error) {
    return { problem: String(error), note: 'not run' }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * The environment in which `node` is that Node, also for what npm starts.
 * @param {string} node
 */
function environment(node) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|INIT_CWD$|NODE_OPTIONS$|VITEST)/i.test(name),
  )
  return { ...Object.fromEntries(inherited), CI: 'true', PATH: [dirname(node), process.env['PATH']].join(delimiter) }
}
