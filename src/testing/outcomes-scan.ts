import type { ContractOutcome, ContractBench } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectSame, show, violated } from './expectations.ts'

// B-50 to B-52: which keys there are.

async function listed({ capability }: ContractBench, prefix: string): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const page of capability('scan').keys(prefix)) {
    if (!Array.isArray(page)) violated('a page', 'an array of keys', show(page))
    for (const one of page as readonly string[]) found.add(one)
  }
  return found
}

function expectKeys(what: string, came: ReadonlySet<string>, expected: readonly string[]): void {
  const missing = expected.filter((one) => !came.has(one))
  const extra = [...came].filter((one) => !expected.includes(one))
  if (missing.length > 0)
    violated(what, `${expected.length} keys`, `all but ${missing.length} of them, ${show(missing[0])} for one`)
  if (extra.length > 0) violated(what, `${expected.length} keys`, `${show(extra[0])} too`)
}

export const scanOutcomes: readonly ContractOutcome[] = [
  outcome('B-50', 'lists every key that begins with a prefix, and no other', { needs: 'scan' }, async (bench) => {
    const { backend, key } = bench
    const [stem, other] = [key('a'), key('b')]
    const keys = Array.from({ length: 1500 }, (_, index) => `${stem}:${index}`)
    await Promise.all([...keys, stem, `${other}${stem}`].map((at) => backend.set(at, 'x', 600)))
    expectKeys('scan', await listed(bench, `${stem}:`), keys)
    expectKeys('scan of one key', await listed(bench, `${stem}:1499`), [`${stem}:1499`])
    expectKeys('scan of a prefix that no key has', await listed(bench, key('none')), [])
  }),

  outcome('B-51', 'takes a prefix for what it says, not for a pattern', { needs: 'scan' }, async (bench) => {
    const { backend, key } = bench
    const stem = key()
    for (const odd of [
      '*',
      '?',
      '[ab]',
      '[^a]',
      '%',
      '_',
      '\\',
      '\\*',
      `'`,
      '"',
      '.',
      '^',
      '$',
      '(',
      '{a}',
      'é',
      'A',
      '漢',
    ]) {
      const [mine, theirs] = [`${stem}${odd}:mine`, `${stem}a:theirs`]
      await backend.set(mine, 'x', 60)
      await backend.set(theirs, 'x', 60)
      expectKeys(`scan of a prefix with ${odd}`, await listed(bench, `${stem}${odd}:`), [mine])
    }
  }),

  outcome('B-52', 'lists no key that was deleted before', { needs: 'scan' }, async (bench) => {
    const { backend, key } = bench
    const stem = key()
    const keys = Array.from({ length: 20 }, (_, index) => `${stem}${index}`)
    for (const at of keys) await backend.set(at, 'x', 60)
    for (const at of keys.slice(0, 10)) await backend.delete(at)
    expectKeys('scan', await listed(bench, stem), keys.slice(10))
    for (const at of keys) await backend.delete(at)
    expectSame('how many keys are left', (await listed(bench, stem)).size, 0)
  }),
]
