// The walls that the linter cannot express, as functions from a folder to what is wrong in it. walls.test.ts runs them on
// the project and on deliberate violations.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { parseSync } from 'oxc-parser'

export interface Violation {
  /** Path from the folder that was examined, with `/`. */
  readonly file: string
  readonly rule: 'file-name' | 'barrel' | 'contracts-are-types' | 'client-is-lazy' | 'declared-any' | 'declared-private'
  readonly found: string
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string }

/** Names that say nothing about a file's one idea; `index` is the package's entry only. */
const emptyNames = /^(?:utils?|helpers?|common|misc|types?|constants|index)$/

/** What is loaded when it is used: whoever does not use it need not have it. */
const lazy = new Set(['@redis/client', 'pg'])

/** Statements without any trace in the emitted JavaScript. */
const typeStatements = new Set(['TSInterfaceDeclaration', 'TSTypeAliasDeclaration'])

/** What is wrong in `src`. `examined` is how many files were looked at: nothing found in nothing is no proof. */
export function examineSources(src: string): { readonly examined: number; readonly violations: Violation[] } {
  const files = filesIn(src, '.ts')
  const violations = files.flatMap((path) => {
    const file = relative(src, path).split(sep).join('/')
    const room = file.includes('/') ? file.slice(0, file.indexOf('/')) : ''
    const { module, program } = parse(path)
    const found: Violation[] = []
    const report = (rule: Violation['rule'], what: string): void => void found.push({ file, rule, found: what })

    const name = basename(file, '.ts')
    if (emptyNames.test(name) && file !== 'index.ts') report('file-name', name)

    if (room !== '') {
      // Passing on what was imported is the same barrel in two statements.
      const imported = new Set(
        module.staticImports.flatMap(({ entries }) => entries.map((entry) => entry.localName.value)),
      )
      for (const { entries } of module.staticExports) {
        for (const { moduleRequest, localName } of entries) {
          if (moduleRequest !== null) report('barrel', moduleRequest.value)
          else if (localName.name !== null && imported.has(localName.name)) report('barrel', localName.name)
        }
      }
    }

    if (room === 'contracts') {
      for (const statement of program.body as unknown as readonly Node[]) {
        if (!isTypeOnly(statement)) report('contracts-are-types', statement.type)
      }
    }

    for (const { moduleRequest, entries } of module.staticImports) {
      const value = entries.length === 0 || entries.some(({ isType }) => !isType)
      if (value && lazy.has(packageOf(moduleRequest.value))) report('client-is-lazy', moduleRequest.value)
    }
    return found
  })
  return { examined: files.length, violations }
}

/**
 * What is wrong in the declarations a user can name or receive: what `entries` export and all that those mention. Classes
 * that stay inside may have private members. Paths are from `dist`; `examined` counts declarations.
 */
export function examineDeclarations(
  dist: string,
  entries: readonly string[],
): { readonly examined: number; readonly violations: Violation[] } {
  const violations: Violation[] = []
  const files = new Map<string, Declarations>()
  const open = (path: string): Declarations => {
    const known = files.get(path) ?? declarationsOf(parse(path))
    files.set(path, known)
    return known
  }
  // Grows while it is walked; a map takes every declaration once.
  const reached = new Map<string, readonly [path: string, name: string]>()
  const reach = (path: string, name: string): void => void reached.set(`${path} ${name}`, [path, name])
  for (const entry of entries) {
    for (const name of open(join(dist, entry)).exported) reach(join(dist, entry), name)
  }

  let examined = 0
  for (const [path, name] of reached.values()) {
    const { elsewhere, here } = open(path)
    const moved = elsewhere.get(name)
    if (moved !== undefined && moved.source.startsWith('.')) reach(resolveDeclaration(path, moved.source), moved.name)
    for (const declaration of here.get(name) ?? []) {
      examined += 1
      for (const node of nodesOf(declaration)) {
        const file = relative(dist, path).split(sep).join('/')
        const report = (rule: Violation['rule'], found: string): void => void violations.push({ file, rule, found })
        if (node.type === 'TSAnyKeyword') report('declared-any', `${name}: any`)
        // Private members make a class nominal: a mock, or the class of a second copy of the package, would not fit.
        if (node.type === 'PrivateIdentifier') report('declared-private', `${name}: #${String(node['name'])}`)
        if (node['accessibility'] === 'private') report('declared-private', `${name}: private`)
        if (node.type === 'Identifier') reach(path, String(node['name']))
        if (node.type === 'TSImportType') {
          const source = (node['source'] as { value: string }).value
          const member = (node['qualifier'] as { name?: string } | null)?.name
          if (source.startsWith('.') && member !== undefined) reach(resolveDeclaration(path, source), member)
        }
      }
    }
  }
  return { examined, violations }
}

interface Declarations {
  readonly exported: readonly string[]
  /** Names that are imported, or passed on, from another module. */
  readonly elsewhere: ReadonlyMap<string, { readonly source: string; readonly name: string }>
  readonly here: ReadonlyMap<string, readonly Node[]>
}

function declarationsOf({ module, program }: ReturnType<typeof parseSync>): Declarations {
  const elsewhere = new Map<string, { source: string; name: string }>()
  const here = new Map<string, Node[]>()
  for (const { moduleRequest, entries } of module.staticImports) {
    for (const { localName, importName } of entries) {
      elsewhere.set(localName.value, { source: moduleRequest.value, name: importName.name ?? 'default' })
    }
  }
  const exported: string[] = []
  for (const { entries } of module.staticExports) {
    for (const { exportName, importName, localName, moduleRequest } of entries) {
      // `export *` would have to be followed by hand; the package does without, and an unseen part is no proof.
      if (exportName.name === null) throw new Error('export * in an emitted declaration')
      exported.push(exportName.name)
      if (moduleRequest !== null)
        elsewhere.set(exportName.name, { source: moduleRequest.value, name: importName.name ?? 'default' })
      else if (localName.name !== null && localName.name !== exportName.name) {
        here.set(exportName.name, [{ type: 'Identifier', name: localName.name }])
      }
    }
  }
  for (const statement of program.body as unknown as readonly Node[]) {
    const declaration = (statement['declaration'] ?? statement) as Node
    const named = (declaration['declarations'] as readonly Node[] | undefined) ?? [declaration]
    for (const node of named) {
      const name = (node['id'] as { name?: string } | null | undefined)?.name
      if (name !== undefined) here.set(name, [...(here.get(name) ?? []), node])
    }
  }
  return { exported, elsewhere, here }
}

/** The declaration file of a module that one imports as `.js`, or as `.ts`, which the compiler leaves in declarations. */
function resolveDeclaration(from: string, source: string): string {
  return join(dirname(from), source.replace(/\.[jt]s$/, '.d.ts'))
}

function isTypeOnly(statement: Node): boolean {
  if (typeStatements.has(statement.type)) return true
  if (statement.type === 'ImportDeclaration') return statement['importKind'] === 'type'
  if (statement.type === 'ExportAllDeclaration') return statement['exportKind'] === 'type'
  if (statement.type !== 'ExportNamedDeclaration') return false
  return statement['exportKind'] === 'type' || isTypeOnly((statement['declaration'] ?? { type: 'none' }) as Node)
}

/** `@scope/name` of `@scope/name/path`; '' for relative paths and built-in modules. */
function packageOf(specifier: string): string {
  if (/^(?:\.|\/|node:|file:|data:)/.test(specifier)) return ''
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function parse(path: string): ReturnType<typeof parseSync> {
  const result = parseSync(path, readFileSync(path, 'utf8'))
  const [error] = result.errors
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)
  return result
}

function* nodesOf(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return
  if (typeof (value as { type?: unknown }).type === 'string') yield value as Node
  for (const child of Object.values(value)) yield* nodesOf(child)
}

function filesIn(folder: string, ending: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
}
