// Compiles the type tests. Right uses (test/types/usage, once under standard and once under legacy decorators) must
// compile. Wrong uses (test/types/wrong) must not: a line `// error: <text>` announces that the statement below it gives
// an error containing the text; every announced error must come and no other.
import './require-node.mjs'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, tool } from './project.mjs'

const folder = join(root, 'test/types')
const compile = (/** @type {string} */ config) =>
  run([...tool('typescript', 'tsc'), '--pretty', 'false', '-p', join(folder, config)])

/** @type {string[]} */
const problems = []

for (const config of ['tsconfig.standard.json', 'tsconfig.legacy.json']) {
  const { code, output } = await compile(config)
  if (code !== 0) problems.push(`${config}:\n${output.trimEnd()}`)
}

/** @typedef {{ file: string, line: number, end: number, text: string, seen: boolean }} Announced */
/** @type {Announced[]} */
const announced = []
for (const config of ['standard', 'legacy']) {
  const files = readdirSync(join(folder, 'wrong', config)).filter((name) => name.endsWith('.ts'))
  if (files.length === 0) problems.push(`There is no wrong use in test/types/wrong/${config}.`)
  const expected = files.flatMap((name) => announcements(join('wrong', config, name)))
  announced.push(...expected)
  const { output } = await compile(`wrong/${config}/tsconfig.json`)
  check(expected, output)
}

/**
 * An announcement holds until the next line that is empty, since the compiler may point into the statement. Announcements
 * on successive lines are for the same statement: a decorator that does not fit gives two errors.
 * @param {string} file
 * @returns {Announced[]}
 */
function announcements(file) {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n')
  return lines.flatMap((line, index) => {
    const text = /^\s*\/\/ error: (.+)$/.exec(line)?.[1]
    if (text === undefined) return []
    const length = lines.slice(index).findIndex((next) => next.trim() === '')
    return [{ file, line: index + 1, end: length === -1 ? lines.length : index + length, text, seen: false }]
  })
}

/**
 * @param {readonly Announced[]} expected
 * @param {string} output of the compiler
 */
function check(expected, output) {
  // The first line of an error has its place, the lines below belong to it.
  for (const error of output.split(/^(?=\S)/m).filter((part) => part.trim() !== '')) {
    const [, path, line] = /^(.+?)\((\d+),\d+\): error /.exec(error) ?? []
    const hits = expected.filter(
      (one) =>
        path?.replaceAll('\\', '/').endsWith(one.file.replaceAll('\\', '/')) &&
        Number(line) > one.line &&
        Number(line) <= one.end,
    )
    const hit = hits.find((one) => error.includes(one.text))
    if (hit !== undefined) hit.seen = true
    else if (hits[0] !== undefined)
      problems.push(
        `Expected "${hits.map(({ text }) => text).join('" and "')}", the compiler says:\n${error.trimEnd()}`,
      )
    else problems.push(`An error that nobody announced:\n${error.trimEnd()}`)
  }
  for (const { file, line, text, seen } of expected) {
    if (!seen) problems.push(`test/types/${file}(${line}): this compiles, or fails otherwise; expected: ${text}`)
  }
}

for (const problem of problems) console.error(problem)
console.log(
  `${announced.filter(({ seen }) => seen).length} of ${announced.length} wrong uses are refused as announced.`,
)
if (problems.length > 0) process.exitCode = 1
