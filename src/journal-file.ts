import { isUtf8 } from 'node:buffer'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { JournalLine, JournalLog } from './contracts/journal-log.ts'
import { misuse } from './support/errors.ts'

// The journal in a file. Each log appends to one of its own, `<path>.<process id>.<random>`, which exists only while something waits for
// the store: a process that ends in good times leaves nothing behind. Whoever starts later reads what it finds, and removes what ended
// processes left once all of it has been applied, so that of several that start at once none misses it. What living processes hold is
// copied, since a process id tells little (in a container all are 1): repeating somebody else's invalidation costs a load, missing one
// would be a stale value.
//
// One JSON array per line. A line that is cut off at the end belongs to a call that never resolved; anything else that cannot be read
// counts as "everything".

/** Keys may be personal data. */
const onlyOwner = 0o600
const ending = /^\.(\d+)\.[0-9a-z]+~?$/
const newline = 0x0a
/** How often lines are written anew because their file was taken away meanwhile. */
const mostAttempts = 3

/** Files this process appends to: another log's is no leftover. */
const ours = new Set<string>()

/**
 * @param path of the files, without their ending; the folder is made if there is none
 * @param random in [0, 1)
 * @throws {TypeError} `CACHE_BAD_OPTION` when the folder cannot be written to
 */
export async function openJournalFile(path: string, random: () => number): Promise<JournalLog> {
  // Neither a slash at the end nor a process that changes its folder may lead elsewhere than the next process looks.
  const base = resolve(path)
  const own = await newFile(base, random)
  const rewritten = `${own}~`
  /** What ended processes left, with its size when it was read. */
  const leftovers = new Map<string, number>()
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }

  const append = async (lines: readonly JournalLine[]): Promise<void> => {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const file = await open(own, 'a', onlyOwner)
      try {
        await write(file, lines)
        if (await isAt(own, file)) return
      } finally {
        await file.close()
      }
    }
  }

  const takeOver = async (): Promise<JournalLine[]> => {
    const gone = new Set<string>()
    for (;;) {
      const files = (await filesOf(base)).filter((file) => file !== own && file !== rewritten && !gone.has(file))
      const contents = await Promise.all(files.map(read))
      const vanished = files.filter((_, index) => contents[index] === undefined)
      vanished.forEach((file) => gone.add(file))
      // What it held is applied, or in another one by now, perhaps in one that was read before.
      if (vanished.length > 0) continue
      const found = contents.flatMap((content, index) =>
        content === undefined ? [] : [{ ...content, file: files[index] as string }],
      )
      const ofTheLiving = found.filter(({ file }) => isAlive(file))
      for (const { file, size } of found) if (!isAlive(file)) leftovers.set(file, size)
      // Whoever lives may remove his file, or go on in another that is not looked for here: what it holds must stand in ours. Once, since
      // it may hold what others of the living hold.
      const theirs = new Map(ofTheLiving.flatMap(({ lines }) => lines).map((line) => [line.join(' '), line]))
      if (theirs.size > 0) await append([...theirs.values()])
      const lines = found.flatMap((one) => one.lines)
      if (lines.length === 0) await removeLeftovers()
      return lines
    }
  }

  const replace = async (lines: readonly JournalLine[]): Promise<void> => {
    if (lines.length === 0) {
      await Promise.all([own, rewritten].map((file) => rm(file, { force: true })))
    } else {
      const file = await open(rewritten, 'w', onlyOwner)
      try {
        await write(file, lines)
      } finally {
        await file.close()
      }
      await rename(rewritten, own)
    }
    await removeLeftovers()
  }

  /** Somebody may still append to one, in a container that cannot be seen from here: that is no leftover, and what it lost it writes anew. */
  const removeLeftovers = async (): Promise<void> => {
    const found = [...leftovers]
    leftovers.clear()
    for (const [index, [file, size]] of found.entries()) {
      try {
        if ((await stat(file)).size !== size) continue
        const taken = `${own}x${index}`
        await rename(file, taken)
        if ((await stat(taken)).size === size) await rm(taken)
      } catch {
        // Gone, or not to be removed by us: whoever starts next reads it once more.
      }
    }
  }

  return {
    takeOver: () => inTurn(takeOver),
    append: (lines) => inTurn(() => append(lines)),
    replace: (lines) => inTurn(() => replace(lines)),
  }
}

/** A name that nobody uses, in a folder that can be written to. */
async function newFile(base: string, random: () => number): Promise<string> {
  try {
    await mkdir(dirname(base), { recursive: true })
    for (let serial = 0; ; serial++) {
      const file = `${base}.${process.pid}.${Math.floor(random() * 2 ** 40).toString(36)}${serial}`
      if (ours.has(file) || !(await create(file))) continue
      ours.add(file)
      await rm(file)
      return file
    }
  } catch (error) {
    throw misuse('CACHE_BAD_OPTION', `journalFile must be in a folder that can be written to (${codeOf(error)})`)
  }
}

async function create(file: string): Promise<boolean> {
  try {
    await (await open(file, 'wx', onlyOwner)).close()
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function write(file: FileHandle, lines: readonly JournalLine[]): Promise<void> {
  await file.appendFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  await file.datasync()
}

/** Whether what was written to the open file is found under its name. */
async function isAt(path: string, file: FileHandle): Promise<boolean> {
  try {
    return (await stat(path)).ino === (await file.stat()).ino
  } catch {
    return false
  }
}

async function filesOf(base: string): Promise<string[]> {
  const name = basename(base)
  const names = await readdir(dirname(base))
  return names
    .filter((one) => one.startsWith(name) && ending.test(one.slice(name.length)))
    .map((one) => join(dirname(base), one))
}

/** `undefined`: there is no such file any more. */
async function read(
  file: string,
): Promise<{ readonly lines: readonly JournalLine[]; readonly size: number } | undefined> {
  try {
    const bytes = await readFile(file)
    const whole = bytes.subarray(0, bytes.lastIndexOf(newline) + 1)
    const lines = whole.toString('utf8').split('\n').slice(0, -1).map(lineOf)
    // Nothing we write: a name that was damaged would look like another one.
    return { lines: isUtf8(whole) ? lines : [...lines, ['everything']], size: bytes.length }
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? undefined : { lines: [['everything']], size: await sizeOf(file) }
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch {
    return 0
  }
}

function lineOf(text: string): JournalLine {
  try {
    const line: unknown = JSON.parse(text)
    const [kind, name] = Array.isArray(line) ? (line as unknown[]) : []
    if ((kind === 'key' || kind === 'tag') && typeof name === 'string') return [kind, name]
  } catch {
    // Fallen through to the safe side.
  }
  return ['everything']
}

/** Whether somebody appends to it: another log of this process, or a process with the id in its name. Our own id is a former process's. */
function isAlive(file: string): boolean {
  if (ours.has(file.replace(/~$/, ''))) return true
  const pid = Number(/\.(\d+)\.[^.]*$/.exec(file)?.[1])
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code)
}
