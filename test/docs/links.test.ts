// Every relative link of every page leads to something: the rows of the README's table above all.
import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../scripts/project.mjs'

const inDocs = (await readdir(join(root, 'docs'), { recursive: true })).filter((name) => name.endsWith('.md'))
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'examples/document-service/README.md',
  ...inDocs.map((name) => `docs/${name}`),
]

test.each(pages)('the links of %s lead somewhere', async (page) => {
  const text = (await readFile(join(root, page), 'utf8')).replace(/```.*?```/gs, '')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
  for (const link of links) {
    const path = link.split('#')[0] ?? ''
    if (/^[a-z]+:/.test(link) || path === '') continue
    await expect(access(join(root, dirname(page), path)), `${page}: ${link}`).resolves.toBeUndefined()
  }
})

test('every row of what one can rely on names a test', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const table = readme.slice(readme.indexOf('## What you can rely on'), readme.indexOf('## What it is not for'))
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
  expect(rows.length).toBeGreaterThan(10)
  for (const row of rows) expect(row).toMatch(/\]\(test\/[\w/-]+\.test\.ts\)/)
})
