// Documentation that is run. A page's blocks are taken out of it, compiled as a reader would compile them (the settings of
// tsconfig.json, the package imported by its name, so: as it was built), and handed to the tests of the page.
//
//   ```ts name=health      a module; `./other.ts` is another block of the page, or a file of `test/docs/given`, which stands
//                          for the reader's own application
//   ```bash name=list      commands; `docker exec -it speedrun-redis redis-cli` becomes the redis-cli of a test server
//   ```dotenv name=env     text; so is every other language
//   ```python              what there was before: needs no name and no test
//   ```ascii, ```mermaid   a picture: needs neither
//
// Each name has at least one test, each test a name that exists, and in a bash block each command is run: anything else fails.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { environmentOf } from '../../scripts/debian-packages.mjs'
import { findRedis } from '../../scripts/find-redis.mjs'
import { root, run, tool } from '../../scripts/project.mjs'
import type { RedisServer } from './redis-server.ts'

export interface DocBlock {
  readonly language: string
  readonly name: string
  readonly text: string
  /** Of its first line in the page, from 1. */
  readonly line: number
}

/** What a program printed, and how it ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Commands {
  /**
   * Runs the one command of the block that ends with `ending`, in a shell, as it is written but for the docker prefix.
   * @returns what it printed, without the last newline
   */
  run(ending: string, options?: { readonly input?: string; readonly env?: NodeJS.ProcessEnv }): Promise<string>
}

/** How decorators were compiled: as the language has them, or with `experimentalDecorators`. */
type Decorators = 'standard' | 'legacy'

export interface DocPage {
  /** A test of a `ts` block. It gets the block's module: one instance for the whole file. */
  module<M>(name: string, sentence: string, check: (module: M) => void | Promise<void>): void
  /** A test of a `bash` block. It must run every command of it. */
  commands(
    name: string,
    sentence: string,
    server: () => RedisServer,
    check: (commands: Commands) => Promise<void>,
  ): void
  /** A test of a block in any other language. It gets the block's text. */
  text(name: string, sentence: string, check: (text: string) => void | Promise<void>): void
  /** The module of another block, or of a given file. */
  load<M>(name: string): Promise<M>
  /** A test of a `ts` block that is a whole program: it is not loaded here, see `run`. */
  program(name: string, sentence: string, check: () => Promise<void>): void
  /** Runs a block in a process of its own: `node [flags] <its module>`. */
  run(name: string, options?: { readonly flags?: readonly string[]; readonly env?: NodeJS.ProcessEnv }): Promise<Ended>
  /** Runs a script in a process of its own, where `./<name>.js` are the modules. */
  script(source: string, decorators?: Decorators): Promise<Ended>
}

const given = fileURLToPath(new URL('../docs/given', import.meta.url))
const untested = new Set(['python', 'ascii', 'mermaid'])
const shells = new Set(['bash', 'sh'])
const dockerPrefix = /^docker exec -it speedrun-redis redis-cli(?= |$)/

/** The blocks of a page that need a test. @throws {Error} for a block without a name, or with another's */
export function blocksOf(page: string, markdown: string): DocBlock[] {
  const blocks: DocBlock[] = []
  let open: { indent: string; fence: string; language: string; info: string; line: number; lines: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    if (open === undefined) {
      const [, indent, fence, language = '', info = ''] = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)(.*)$/.exec(line) ?? []
      if (indent === undefined || fence === undefined) continue
      open = { indent, fence, language, info, line: index + 2, lines: [] }
    } else if (line.trim() === open.fence) {
      if (!untested.has(open.language)) {
        const [, name] = /(?:^|\s)name=([a-z0-9-]+)(?:\s|$)/.exec(open.info) ?? []
        if (name === undefined) throw new Error(`${page}:${open.line - 1}: this block has no name`)
        if (blocks.some((block) => block.name === name)) throw new Error(`${page}: two blocks have the name ${name}`)
        blocks.push({ language: open.language, name, text: `${open.lines.join('\n')}\n`, line: open.line })
      }
      open = undefined
    } else {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line - 1}: this block has no end`)
  return blocks
}

/** A page, and where its modules are. */
interface Source {
  readonly path: string
  /** Below the folder that is compiled; `.` when the page is alone. */
  readonly within: string
  readonly blocks: readonly DocBlock[]
  /** Blocks of another page, whose modules this page's may import. */
  readonly others: readonly DocBlock[]
}

/** Where the modules of a test file are, once they are compiled. */
interface Place {
  folder: string
}

const readPage = async (page: string): Promise<DocBlock[]> => blocksOf(page, await readFile(join(root, page), 'utf8'))

/**
 * Registers the tests of a page, and fails when a block or a test is alone. Paths are relative to the repository's folder.
 * @param besides another page whose modules this page's may import; it has tests of its own
 */
export async function testPage(path: string, register: (page: DocPage) => void, besides?: string): Promise<void> {
  const others = besides === undefined ? [] : await readPage(besides)
  const source: Source = { path, within: '.', blocks: await readPage(path), others }
  const place: Place = { folder: '' }
  registerTests(source, place, register)
  compileFirst(place, [source])
}

/**
 * The same for several pages whose blocks are compiled in one run. Each has its modules, and the given files, to itself; what a process
 * has only one of (the default cache, the names of cached functions) they share.
 */
export async function testPages(pages: Readonly<Record<string, (page: DocPage) => void>>): Promise<void> {
  const sources = await Promise.all(
    Object.keys(pages).map(async (path): Promise<Source> => ({
      path,
      within: basename(path, '.md'),
      blocks: await readPage(path),
      others: [],
    })),
  )
  const place: Place = { folder: '' }
  for (const source of sources) {
    describe(source.path, () => {
      registerTests(source, place, pages[source.path] as (page: DocPage) => void)
    })
  }
  compileFirst(place, sources)
}

function registerTests({ path, within, blocks }: Source, place: Place, register: (page: DocPage) => void): void {
  const tested = new Set<string>()
  const find = (name: string, isKind: (language: string) => boolean): DocBlock => {
    const block = blocks.find((one) => one.name === name)
    if (block === undefined) throw new Error(`${path} has no block named ${name}, but there is a test of it`)
    if (!isKind(block.language))
      throw new Error(`The block ${name} of ${path} is ${block.language}: wrong kind of test`)
    tested.add(name)
    return block
  }
  const fileOf = (name: string): string => join(place.folder, 'standard', within, `${name}.js`)
  const load = async <M>(name: string): Promise<M> =>
    (await import(/* @vite-ignore */ pathToFileURL(fileOf(name)).href)) as M

  register({
    load,
    module(name, sentence, check) {
      find(name, (language) => language === 'ts')
      test(`${name}: ${sentence}`, async () => check(await load(name)))
    },
    program(name, sentence, check) {
      find(name, (language) => language === 'ts')
      test(`${name}: ${sentence}`, check)
    },
    text(name, sentence, check) {
      const block = find(name, (language) => language !== 'ts' && !shells.has(language))
      test(`${name}: ${sentence}`, async () => check(block.text))
    },
    commands(name, sentence, server, check) {
      const lines = commandsOf(find(name, (language) => shells.has(language)).text)
      test(`${name}: ${sentence}`, async () => {
        const left = new Set(lines)
        await check({
          async run(ending, options) {
            const [line, ...others] = lines.filter((one) => one.endsWith(ending))
            if (line === undefined || others.length > 0)
              throw new Error(`Not one command ends with ${ending}: ${lines.join('\n')}`)
            left.delete(line)
            return await runCommand(line, server(), options)
          },
        })
        expect([...left], 'commands of the block that the test did not run').toEqual([])
      })
    },
    run: (name, { flags = [], env = {} } = {}) =>
      execute(process.execPath, [...flags, fileOf(name)], { cwd: place.folder, env: { ...process.env, ...env } }),
    script: (source, decorators = 'standard') =>
      execute(process.execPath, ['--input-type=module', '--eval', source], {
        cwd: join(place.folder, decorators, within),
        env: process.env,
      }),
  })

  const alone = blocks.filter(({ name }) => !tested.has(name)).map(({ name, line }) => `${name} (line ${line})`)
  if (alone.length > 0) throw new Error(`Blocks of ${path} without a test: ${alone.join(', ')}`)
}

/** Has the pages' blocks compiled before the tests of this file. */
function compileFirst(place: Place, sources: readonly Source[]): void {
  beforeAll(async () => {
    place.folder = await mkdtemp(join(tmpdir(), 'test-docs-'))
    await compile(place.folder, sources)
  })
  afterAll(() => rm(place.folder, { recursive: true, force: true }))
}

/** Compiles the modules under both kinds of decorators. Each stands in its file on the line it has in the page. */
async function compile(folder: string, sources: readonly Source[]): Promise<void> {
  const isModule = ({ language }: DocBlock): boolean => language === 'ts'
  if (!sources.some(({ blocks, others }) => blocks.some(isModule) || others.some(isModule))) return
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  for (const { within, blocks, others } of sources) {
    const modules = join(folder, 'modules', within)
    await cp(given, modules, { recursive: true })
    for (const { name, text, line } of [...blocks, ...others].filter(isModule)) {
      await writeFile(join(modules, `${name}.ts`), '\n'.repeat(line - 1) + text, { flag: 'wx' })
    }
  }
  const failures = await Promise.all(
    (['standard', 'legacy'] as const).map(async (decorators) => {
      const config = {
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {
          rootDir: 'modules',
          outDir: decorators,
          noEmit: false,
          // What only a library's own sources need.
          declaration: false,
          isolatedDeclarations: false,
          experimentalDecorators: decorators === 'legacy',
          typeRoots: [join(root, 'node_modules/@types')],
        },
        include: ['modules'],
      }
      const file = join(folder, `tsconfig.${decorators}.json`)
      await writeFile(file, JSON.stringify(config))
      const { code, output } = await run([...tool('typescript', 'tsc'), '--pretty', 'false', '-p', file], {
        cwd: folder,
      })
      return code === 0 ? '' : inPages(output, sources)
    }),
  )
  const failure = failures.find((output) => output !== '')
  if (failure !== undefined) {
    const pages = sources.map(({ path }) => path).join(', ')
    throw new Error(`${pages} does not compile (is the package built? npm run build):\n${failure}`)
  }
}

/** What the compiler says, of pages and lines instead of files. */
function inPages(output: string, sources: readonly Source[]): string {
  return output.replace(
    /^modules\/(?:([\w-]+)\/)?([\w-]+)\.ts\((\d+),(\d+)\)/gm,
    (_, within: string | undefined, block: string, line: string, column: string) => {
      const page = sources.find((source) => source.within === (within ?? '.'))?.path
      return `${page}:${line}:${column} (block ${block})`
    },
  )
}

function commandsOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(?:^|\s+)# .*$/, '').trim())
    .filter((line) => line !== '')
}

async function runCommand(
  line: string,
  server: RedisServer,
  options: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const binaries = await findRedis()
  // The test server stands in for the container: infra/compose.yaml starts one with the same configuration.
  const command = line.replace(dockerPrefix, `"$TEST_REDIS_CLI" -h 127.0.0.1 -p ${server.port}`)
  if (/\bdocker\b/.test(command)) throw new Error(`No container here: ${line}`)
  const env = { ...environmentOf(binaries), TEST_REDIS_CLI: binaries.cli, ...options.env }
  const { code, stdout, stderr } = await execute('sh', ['-c', command], { env, input: options.input ?? '' })
  if (code !== 0) throw new Error(`${line} ended with ${code}: ${stderr}`)
  return stdout.replace(/\n$/, '')
}

function execute(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env: NodeJS.ProcessEnv; input?: string },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { cwd: options.cwd, env: options.env, timeout: 60_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr })
      },
    )
    // A program that reads nothing may have ended before it was told anything.
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
  })
}
