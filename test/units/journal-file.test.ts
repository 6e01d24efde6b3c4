// The journal's file: exact for every name there is, on the safe side for everything that is no name, gone when nothing waits, and never
// anybody else's.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JournalLine, JournalLog } from '../../src/contracts/journal-log.ts'
import { openJournalFile } from '../../src/journal-file.ts'

const factor = Number(process.env['TEST_PROPERTY_FACTOR'] ?? 1)

let root = ''
let serial = 0
/** Of this test, in a folder that is not there yet. */
let path = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'test-journal-'))
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})
beforeEach(() => {
  path = join(root, String(++serial), 'data', 'journal')
})

const open = (at = path): Promise<JournalLog> => openJournalFile(at, Math.random)
const filesIn = (folder = dirname(path)): string[] => (existsSync(folder) ? readdirSync(folder).toSorted() : [])
const onlyFile = (): string => {
  const files = filesIn()
  expect(files).toHaveLength(1)
  return join(dirname(path), files[0] as string)
}
const everything: JournalLine = ['everything']
const key = (name: string): JournalLine => ['key', name]
const tag = (name: string): JournalLine => ['tag', name]

/** The id of a process that has ended a moment ago. */
const dead = spawnSync(process.execPath, ['--version']).pid
const living = process.ppid

/** What a process left. */
async function leave(pid: number, content: string | Buffer, random = 'x1y2z3'): Promise<string> {
  const file = `${path}.${pid}.${random}`
  await mkdir(dirname(path), { recursive: true })
  await writeFile(file, content)
  return file
}
const text = (...lines: readonly JournalLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

/** What the next process would take over: as if the one that wrote the file had ended. */
async function leftBy(log: JournalLog): Promise<readonly JournalLine[]> {
  void log
  const file = onlyFile()
  await rename(file, `${path}.${dead}.ended`)
  return await (await open()).takeOver()
}

/** What was called has begun its first operation on the disk, and nothing that comes after it. */
async function untilIssued(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('the journal file', () => {
  test('is there only while something waits', async () => {
    const log = await open()
    expect(await log.takeOver()).toEqual([])
    expect(filesIn()).toEqual([])
    await log.append([key('a')])
    expect(filesIn()).toEqual([expect.stringMatching(new RegExp(`^journal\\.${process.pid}\\.[0-9a-z]+$`))])
    await log.replace([])
    expect(filesIn()).toEqual([])
    await log.replace([])
    await log.append([key('b')])
    expect(await readFile(onlyFile(), 'utf8')).toBe('["key","b"]\n')
  })

  test('holds what was appended, in order, for the next process', async () => {
    const log = await open()
    await log.append([key('a'), tag('t')])
    await log.append([everything, key('b')])
    await log.append([key('a')])
    expect(await leftBy(log)).toEqual([key('a'), tag('t'), everything, key('b'), key('a')])
  })

  test('holds what it was replaced by, and what was appended since', async () => {
    const log = await open()
    await log.append([key('a'), key('b')])
    await log.replace([key('b'), tag('t')])
    await log.append([key('c')])
    expect(await leftBy(log)).toEqual([key('b'), tag('t'), key('c')])
  })

  test('does what it is told in the order of the calls, without anybody waiting in between', async () => {
    const log = await open()
    const all = [
      log.append([key('a')]),
      log.replace([key('b')]),
      log.append([key('c')]),
      log.replace([]),
      log.append([key('d'), key('e')]),
      log.append([key('f')]),
    ]
    await Promise.all(all)
    expect(await leftBy(log)).toEqual([key('d'), key('e'), key('f')])
  })

  test('may be read by its owner only, appended to or replaced', async () => {
    const log = await open()
    const modeOf = async (): Promise<number> => (await stat(onlyFile())).mode & 0o777
    const before = process.umask(0)
    try {
      await log.append([key('a')])
      expect(await modeOf()).toBe(0o600)
      await log.replace([key('b')])
      expect(await modeOf()).toBe(0o600)
    } finally {
      process.umask(before)
    }
  })

  test('brings back every name exactly', async () => {
    const anyText = fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
      .map((codes) => String.fromCharCode(...codes))
    const hostile = fc.constantFrom(
      'a\nb',
      '\r\n',
      '"]\n["everything"]\n["key","',
      '\\',
      "'",
      '\u2028\u2029',
      '\u0000',
      '\uFEFF',
      '\uFFFD',
      '\uD800',
      '😀',
      'é',
      'e\u0301',
      '__proto__',
      '',
    )
    const name = fc.oneof(anyText, hostile, fc.string({ unit: 'grapheme' }))
    const line = fc.oneof(
      fc.tuple(fc.constantFrom('key' as const, 'tag' as const), name),
      fc.constant<readonly ['everything']>(['everything']),
    )
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 8 }), fc.nat({ max: 8 }), async (lines, cut) => {
        path = join(root, `exact-${++runs}`, 'journal')
        const log = await open()
        await log.append([everything])
        await log.replace(lines.slice(0, cut))
        await log.append(lines.slice(cut))
        expect(await leftBy(log)).toEqual(lines)
      }),
      { numRuns: 100 * factor },
    )
  })

  test('ignores a last line that is cut off, wherever, and nothing else', async () => {
    const lines = [key('schön 😀'), everything, tag('a\nb'), key('last ü')]
    const whole = Buffer.from(text(...lines))
    let shortest = 0
    for (let length = 0; length <= whole.length; length++) {
      path = join(root, `cut-${length}`, 'journal')
      await leave(dead, whole.subarray(0, length))
      const left = await (await open()).takeOver()
      expect(left).toEqual(lines.slice(0, whole.subarray(0, length).toString('latin1').split('\n').length - 1))
      if (left.length === 0) shortest++
    }
    expect(shortest).toBe(text(key('schön 😀')).length + Buffer.byteLength('ö😀') - 'ö😀'.length)
  })

  test('goes on after a line that is cut off in the middle, as after a disk that was full', async () => {
    const log = await open()
    await log.append([key('a')])
    await truncate(onlyFile(), 5)
    await log.append([key('b'), key('c')])
    // Which name stood there nobody knows.
    expect(await leftBy(log)).toEqual([everything, key('c')])
  })

  test.each<[string, string | Buffer]>([
    ['text', 'what is this\n'],
    ['an empty line', '\n'],
    ['another value', '{"key":"a"}\n'],
    ['null', 'null\n'],
    ['an unknown kind', '["prefix","a"]\n'],
    ['a name that is none', '["key",17]\n'],
    ['no name', '["key"]\n'],
    ['two lines in one', '["key","a"]["key","b"]\n'],
    ['bytes', Buffer.from([0x00, 0xff, 0xfe, 0x0a])],
    ['zeros', Buffer.concat([Buffer.alloc(64), Buffer.from('\n')])],
    ['a name that was damaged', Buffer.from([...Buffer.from('["key","'), 0xff, ...Buffer.from('"]\n')])],
  ])('counts as everything when it holds %s', async (_, content) => {
    await leave(
      dead,
      Buffer.concat([Buffer.from(text(key('before'))), Buffer.from(content), Buffer.from(text(key('after')))]),
    )
    const left = await (await open()).takeOver()
    expect(left).toContainEqual(everything)
    expect(left).toContainEqual(key('before'))
    expect(left).toContainEqual(key('after'))
  })

  test('counts as everything when it cannot be read at all, once', async () => {
    await mkdir(`${path}.${dead}.x1y2z3`, { recursive: true })
    const log = await open()
    expect(await log.takeOver()).toEqual([everything])
  })

  test('is removed after its process ended, but not before what it holds is applied', async () => {
    const file = await leave(dead, text(key('a'), tag('t')))
    const log = await open()
    expect(await log.takeOver()).toEqual([key('a'), tag('t')])
    expect(filesIn()).toEqual([basename(file)])
    await log.append([key('b')])
    expect(filesIn()).toHaveLength(2)
    await log.replace([])
    expect(filesIn()).toEqual([])
  })

  test('is removed as well once all of it stands in that of the next', async () => {
    await leave(dead, text(key('a')))
    const log = await open()
    await log.takeOver()
    await log.replace([key('a'), key('b')])
    expect(await readFile(onlyFile(), 'utf8')).toBe(text(key('a'), key('b')))
  })

  test.each(['', '["key","never res'])('is removed at once when nothing waits in it: %s', async (content) => {
    await leave(dead, content)
    const log = await open()
    expect(await log.takeOver()).toEqual([])
    expect(filesIn()).toEqual([])
  })

  test('is of a former process when it carries our own id, and so is what such a one was about to write', async () => {
    await leave(process.pid, text(key('a')), 'former')
    await leave(process.pid, text(key('a'), key('b')).slice(0, -4), 'former~')
    const log = await open()
    expect(await log.takeOver()).toEqual([key('a'), key('a')])
    await log.replace([])
    expect(filesIn()).toEqual([])
  })

  test('of a process that lives is read and left', async () => {
    const file = await leave(living, text(key('a')))
    const log = await open()
    expect(await log.takeOver()).toEqual([key('a')])
    await log.replace([])
    expect(filesIn()).toEqual([basename(file)])
    expect(await readFile(file, 'utf8')).toBe(text(key('a')))
  })

  test('of a process that lives is copied, since it may be gone before this one has applied anything', async () => {
    const file = await leave(living, text(key('a')))
    const log = await open()
    await log.takeOver()
    await rm(file)
    expect(await leftBy(log)).toEqual([key('a')])
  })

  test('does not grow with each process that starts beside living ones', async () => {
    await leave(living, text(key('a'), tag('t')))
    const logs: JournalLog[] = []
    for (let index = 0; index < 12; index++) {
      const log = await open()
      logs.push(log)
      const left = await log.takeOver()
      expect(left).toHaveLength(2 * (index + 1))
    }
    for (const log of logs) await log.replace([])
    expect(await readFile(onlyFile(), 'utf8')).toBe(text(key('a'), tag('t')))
  })

  test('of another log of this process is read and left, whichever is emptied first', async () => {
    const [first, second] = [await open(), await open()]
    await first.append([key('a')])
    const [file = ''] = filesIn()
    expect(await second.takeOver()).toEqual([key('a')])
    await second.replace([])
    expect(filesIn()).toEqual([file])
    expect(await readFile(onlyFile(), 'utf8')).toBe(text(key('a')))
    await second.append([key('b')])
    await first.replace([])
    expect(await readFile(onlyFile(), 'utf8')).toBe(text(key('b')))
  })

  test('of several logs of one process differs, also where nothing is random', async () => {
    const logs = await Promise.all(Array.from({ length: 5 }, () => openJournalFile(path, () => 0.5)))
    await Promise.all(logs.map((log, index) => log.append([key(`k${index}`)])))
    expect(filesIn()).toHaveLength(5)
  })

  test('that a former process of the same id and the same randomness left is read', async () => {
    await leave(process.pid, text(key('a')), `${Math.floor(0.25 * 2 ** 40).toString(36)}0`)
    const log = await openJournalFile(path, () => 0.25)
    expect(await log.takeOver()).toEqual([key('a')])
  })

  test('is missed by none of those that start at once, while nothing of it is applied', async () => {
    for (let round = 0; round < 40; round++) {
      path = join(root, `together-${round}`, 'journal')
      await leave(dead, text(key('a')))
      await leave(dead, text(key('b')), 'second')
      const logs = await Promise.all(Array.from({ length: 4 }, () => open()))
      const left = await Promise.all(
        logs.map(async (log, index) => {
          for (let turn = 0; turn < (index * round) / 4; turn++) await setImmediate()
          const lines = await log.takeOver()
          // Moves them into its own, as a journal does that has become too long.
          if (index === 0) await log.replace([key('a'), key('b')])
          return lines.map(([, name]) => name)
        }),
      )
      for (const names of left) expect(new Set(names)).toEqual(new Set(['a', 'b']))
      for (const log of logs) await log.replace([])
      expect(filesIn()).toEqual([])
    }
  })

  test('is read where it is now when it was moved between looking and reading', async () => {
    const file = await leave(dead, text(key('a')))
    const log = await open()
    const taking = log.takeOver()
    // The folder is read meanwhile, beside this thread; what was found in it is not.
    await untilIssued()
    const end = Date.now() + 50
    while (Date.now() < end);
    renameSync(file, `${path}.${living}.x1y2z3`)
    expect(await taking).toEqual([key('a')])
  })

  test('is not removed when somebody still appends to it, whose process cannot be seen from here', async () => {
    const file = await leave(process.pid, text(key('a')), 'elsewhere')
    const log = await open()
    expect(await log.takeOver()).toEqual([key('a')])
    await appendFile(file, text(key('b')))
    await log.replace([])
    expect(await (await open()).takeOver()).toEqual([key('a'), key('b')])
  })

  test('is written anew when it was taken away while it was being written', async () => {
    const log = await open()
    const seen = new Set<string>()
    const see = (content: string): void => content.split('\n').forEach((line) => seen.add(line))
    let taken = 0
    for (let index = 0; index < 20; index++) {
      const written = log.append([key(`k${index}`)])
      await untilIssued()
      // It is opened beside this thread, which does not let the lines be written: as somebody does who takes it for a leftover, and then
      // removes what he has read.
      const end = Date.now() + 20_000
      while (filesIn().length === 0 && Date.now() < end);
      renameSync(onlyFile(), `${path}-taken`)
      const content = readFileSync(`${path}-taken`, 'utf8')
      if (content === '') taken++
      see(content)
      rmSync(`${path}-taken`)
      await written
      for (const name of filesIn()) see(readFileSync(join(dirname(path), name), 'utf8'))
      expect(seen).toContain(JSON.stringify(key(`k${index}`)))
      await log.replace([])
    }
    expect(taken).toBe(20)
  })

  test('has nothing to do with files that only begin like it', async () => {
    const others = [
      'journal',
      'journal.json',
      'journal.1',
      'journal.1.a.bak',
      'journal.x.abc',
      `journal2.${dead}.abc`,
      'journal.d',
    ]
    await mkdir(dirname(path), { recursive: true })
    for (const name of others) await writeFile(join(dirname(path), name), 'not ours\n')
    await mkdir(`${path}.folder`)
    const log = await open()
    expect(await log.takeOver()).toEqual([])
    await log.append([key('a')])
    await log.replace([])
    expect(filesIn()).toEqual([...others, 'journal.folder'].toSorted())
  })

  test('that leads nowhere does not keep anybody from starting', async () => {
    await mkdir(dirname(path), { recursive: true })
    await symlink(join(root, 'nowhere'), `${path}.${dead}.x1y2z3`)
    expect(await (await open()).takeOver()).toEqual([])
  })

  test('is found by the next process whatever the path looks like', async () => {
    await leave(dead, text(key('a')))
    expect(await (await open(`${path}/`)).takeOver()).toEqual([key('a')])
    expect(await (await open(relative(process.cwd(), path))).takeOver()).toEqual([key('a')])
    expect(await (await open(join(dirname(path), '.', 'journal'))).takeOver()).toEqual([key('a')])
  })

  test('stays where it was opened when the process changes its folder', async () => {
    await mkdir(dirname(path), { recursive: true })
    const log = await open(relative(process.cwd(), path))
    const before = process.cwd()
    try {
      process.chdir(root)
      await log.append([key('a')])
    } finally {
      process.chdir(before)
    }
    expect(await leftBy(log)).toEqual([key('a')])
  })

  test('needs no folder: it is made', async () => {
    expect(existsSync(dirname(path))).toBe(false)
    const log = await open()
    await log.append([key('a')])
    expect(filesIn()).toHaveLength(1)
  })

  test('in a folder that cannot be written to is refused by name', async () => {
    await mkdir(dirname(dirname(path)), { recursive: true })
    await writeFile(dirname(path), 'no folder')
    const refused = {
      code: 'CACHE_BAD_OPTION',
      name: 'TypeError',
      message: expect.stringContaining('journalFile') as string,
    }
    await expect(open()).rejects.toMatchObject(refused)
    await expect(open(join(path, 'deeper'))).rejects.toMatchObject(refused)
  })

  test('rejects when its folder is taken away, and works again when it is back', async () => {
    const log = await open()
    await log.append([key('a')])
    const away = `${dirname(path)}-away`
    await rename(dirname(path), away)
    await expect(log.append([key('b')])).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(log.replace([key('b')])).rejects.toMatchObject({ code: 'ENOENT' })
    await rename(away, dirname(path))
    await log.append([key('c')])
    expect(await leftBy(log)).toEqual([key('a'), key('c')])
  })
})
