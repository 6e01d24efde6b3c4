// On a Node.js that is too old, whoever starts something reads one sentence that says what is needed, and no stack.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test, type TestContext } from 'vitest'
import { findNode } from '../../scripts/node-versions.mjs'
import { root } from '../../scripts/project.mjs'
import { requireBuild } from '../support/built-package.ts'

interface Ended {
  readonly code: number | string | null
  readonly output: string
}

let node: string | undefined
let reason = ''

beforeAll(async () => {
  requireBuild()
  node = await findNode(18).catch((error: unknown) => {
    reason = String(error)
    console.warn(`Not checked: what an old Node.js prints. ${reason}`)
    return undefined
  })
}, 200_000)

function start(binary: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(binary, args, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? null), output: stdout + stderr })
    })
  })
}

const sentence = /^@speedrun\/cache needs Node\.js 20\.19 or newer; this is v18\.\d+\.\d+\.\n$/

/** Without a registry there is no old Node.js here: a skipped test that says so, never a silent one. */
function oldNode({ skip }: TestContext): string {
  return node ?? skip(reason)
}

test.for<[name: string, args: readonly string[]]>([
  ['import', ['--input-type=module', '--eval', `import '@speedrun/cache'; console.log('imported')`]],
  ['import()', ['--eval', `import('@speedrun/cache').then(() => console.log('imported'))`]],
  ['npm test', ['scripts/test.mjs']],
  ['npm run build', ['scripts/clean.mjs']],
  ['npm run lint', ['scripts/lint.mjs']],
  ['npm run test:matrix', ['scripts/test-matrix.mjs']],
])('%s on Node.js 18 prints one sentence', async ([, args], context) => {
  const { code, output } = await start(oldNode(context), ...args)
  expect(output).toMatch(sentence)
  expect(code).toBe(1)
})

test('a program that guards its import gets an error it can handle', async (context) => {
  const script = `import('@speedrun/cache').catch((error) => console.log('caught: ' + error.message))`
  const { code, output } = await start(oldNode(context), '--eval', script)
  expect(output).toMatch(/^caught: @speedrun\/cache needs Node\.js 20\.19 or newer/)
  expect(code).toBe(0)
})

test('every npm script begins with a program that checks the version', async () => {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  for (const [name, command] of Object.entries(manifest.scripts)) {
    if (name === 'format') continue
    const file = /^node (scripts\/[a-z-]+\.mjs)/.exec(command)?.[1]
    expect(file, name).toBeDefined()
    const text = await readFile(join(root, file ?? ''), 'utf8')
    const first = /^import .*$/m.exec(text)?.[0] ?? "import './require-node.mjs'"
    expect(first, name).toBe("import './require-node.mjs'")
  }
})

test('a supported Node.js imports the package without a word', async () => {
  const { code, output } = await start(process.execPath, '--input-type=module', '--eval', `import '@speedrun/cache'`)
  expect(output).toBe('')
  expect(code).toBe(0)
})
