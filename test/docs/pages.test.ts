// What holds for all pages of docs/: their links lead somewhere, a page with named blocks has tests, and the mechanism that tests
// them would notice.
import { access, readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { blocksOf, testPage } from '../support/doc-blocks.ts'

const docs = new URL('../../docs/', import.meta.url)
/** From `docs/`, those of its folders too. */
const pages = (await readdir(docs, { recursive: true }))
  .filter((name) => name.endsWith('.md'))
  .map((name) => name.replaceAll('\\', '/'))
const read = async (page: string): Promise<string> => await readFile(new URL(page, docs), 'utf8')
const withoutCode = (markdown: string): string => markdown.replace(/^```.*?^```/gms, '')

/** The anchors GitHub gives to the headings of a page. */
const anchorsOf = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )

/** Pages of a folder share a test file, which says itself that it has them all. */
const folders = ['backends', 'concepts', 'errors']
const ours = [
  'from-cache-manager.md',
  'from-python.md',
  'testing.md',
  'monitoring.md',
  'troubleshooting.md',
  'errors.md',
  ...pages.filter((page) => folders.some((folder) => page.startsWith(`${folder}/`))),
]

test.each(ours)('the links of %s lead somewhere', async (page) => {
  const links = [...withoutCode(await read(page)).matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
  if (!page.startsWith('errors/')) expect(links.length).toBeGreaterThan(0)
  const here = new URL(page, docs)
  for (const link of links) {
    // Of somebody else.
    if (link.startsWith('https:')) continue
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? here : new URL(file, here)
    await expect(access(target), link).resolves.toBeUndefined()
    if (anchor !== undefined) expect(anchorsOf(await readFile(target, 'utf8')), link).toContain(anchor)
  }
})

test('the table of the old guide has every item once', async () => {
  const items = [...(await read('from-python.md')).matchAll(/^\| (R\d+) /gm)].map(([, item]) => item)
  expect(items).toEqual(Array.from({ length: 64 }, (_, index) => `R${index + 1}`))
})

test('each page with named blocks has tests', async () => {
  const tests = new URL('../', import.meta.url)
  const names = (await readdir(tests, { recursive: true })).filter((name) => name.endsWith('.test.ts'))
  const testFiles = await Promise.all(
    names.map(async (name) => [name.replaceAll('\\', '/'), await readFile(new URL(name, tests), 'utf8')] as const),
  )
  expect(pages).toEqual(expect.arrayContaining(ours))
  for (const page of pages) {
    if (!/^ *```.* name=/m.test(await read(page))) continue
    const [tested = ''] = page.replace(/\.md$/, '').split('/')
    const isNamed = testFiles.some(([, text]) => text.includes(`docs/${page}`))
    const hasFile = testFiles.some(([name]) => name === `docs/${tested}.test.ts`)
    expect(isNamed || hasFile, `${page} is run by a test`).toBe(true)
  }
})

test.each([
  ['a block without a name', '```ts\n1\n```\n', 'page.md:1: this block has no name'],
  ['a name that two blocks have', '```ts name=a\n```\n```ts name=a\n```\n', 'two blocks have the name a'],
  ['a block without an end', '\n```ts name=a\n', 'page.md:2: this block has no end'],
])('%s is an error', (_, markdown, message) => {
  expect(() => blocksOf('page.md', markdown)).toThrow(message)
})

test('blocks keep their lines, lose their indent, and Python needs no name', () => {
  const markdown =
    '# a\n\n```python\nx\n```\n\n- b\n\n  ```ts name=in-list\n  one()\n  ```\n\n~~~text name=other\n```\n~~~\n'
  expect(blocksOf('page.md', markdown)).toEqual([
    { language: 'ts', name: 'in-list', text: 'one()\n', line: 10 },
    { language: 'text', name: 'other', text: '```\n', line: 14 },
  ])
})

test('a page whose blocks have no tests is refused, and so is a test without a block', async () => {
  await expect(testPage('docs/monitoring.md', () => {})).rejects.toThrow(
    /Blocks of docs\/monitoring.md without a test: hit-rate/,
  )
  await expect(testPage('docs/monitoring.md', (page) => page.text('no-such', 'x', () => {}))).rejects.toThrow(
    'has no block named no-such',
  )
})
