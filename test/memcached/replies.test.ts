// What a server sends is foreign: however it is cut into pieces it is read the same, and what is no answer ends the connection, at once.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemcachedConnection } from '../../src/backends/memcached/memcached-connection.ts'
import { metaDelete, metaGet, metaRead, noOperation } from '../../src/backends/memcached/meta-commands.ts'
import type { Reply } from '../../src/backends/memcached/replies.ts'
import { ReplyReader } from '../../src/backends/memcached/replies.ts'
import type { SocketOptions } from '../../src/backends/memcached/socket.ts'
import { isCacheError } from '../../src/index.ts'
import { systemRuntime } from '../../src/support/runtime.ts'

function read(chunks: readonly Buffer[]): Reply[] {
  const replies: Reply[] = []
  const reader = new ReplyReader((reply) => replies.push(reply))
  for (const chunk of chunks) reader.push(chunk)
  return replies
}

/** Cut at these places, counted from the start. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

const flags = fc.array(fc.constantFrom('c17', 'W', 'X', 'Z', 't-1', 'f0', 's4', 'Oa1'), { maxLength: 6 })
const someReply = fc.oneof(
  fc.record({
    code: fc.constantFrom('HD', 'EN', 'NF', 'NS', 'EX', 'MN', 'END'),
    words: flags,
    value: fc.constant(undefined),
  }),
  fc.record({ code: fc.constant('VA'), words: flags, value: fc.uint8Array({ maxLength: 300 }) }),
)

describe('answers', () => {
  test('are read the same however they are cut, line ends in values too', () => {
    const places = fc.array(fc.nat(), { maxLength: 40 })
    fc.assert(
      fc.property(fc.array(someReply, { minLength: 1, maxLength: 12 }), places, (replies, at) => {
        const bytes = Buffer.concat(
          replies.flatMap(({ code, words, value }) => {
            const head = [code, ...(value === undefined ? [] : [String(value.length)]), ...words].join(' ')
            return [
              Buffer.from(`${head}\r\n`),
              ...(value === undefined ? [] : [Buffer.from(value), Buffer.from('\r\n')]),
            ]
          }),
        )
        const all = read(cut(bytes, at)).map(({ value, ...rest }) => ({
          ...rest,
          value: value && new Uint8Array(value),
        }))
        expect(all).toEqual(replies)
      }),
    )
  })

  test('that are none end the connection, and nothing of them is repeated', () => {
    const strange = fc.oneof(
      fc.constantFrom(
        'VA -1\r\n',
        'VA 1e9\r\n',
        'VA 99999999999\r\n',
        'VA 2000000000\r\n',
        'VA\r\n',
        'VA 1\r\nabc\r\n',
      ),
      fc.constantFrom(
        'HELLO secret\r\n',
        'hd\r\n',
        '\r\n',
        'HD\n',
        '$5\r\nhello\r\n',
        '\u0000\r\n',
        `HD ${'a'.repeat(3000)}`,
      ),
    )
    fc.assert(
      fc.property(strange, fc.array(fc.nat(), { maxLength: 5 }), (text, at) => {
        let error: unknown
        try {
          read(cut(Buffer.from(text), at))
        } catch (thrown) {
          error = thrown
        }
        expect(isCacheError(error, 'CACHE_UNAVAILABLE')).toBe(true)
        expect(String(error)).not.toMatch(/secret|hello|abc/)
      }),
    )
  })

  test('random bytes never hang and never throw anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        try {
          read(chunks.map((chunk) => Buffer.from(chunk)))
        } catch (error) {
          expect(isCacheError(error, 'CACHE_UNAVAILABLE')).toBe(true)
        }
      }),
    )
  })
})

/** A server that is only its bytes. */
function connection(): { connection: MemcachedConnection; socket: SocketOptions; sent: string[]; lost: Error[] } {
  let socket: SocketOptions | undefined
  const sent: string[] = []
  const lost: Error[] = []
  const made = new MemcachedConnection({
    host: '127.0.0.1',
    port: 1,
    runtime: systemRuntime,
    open: (options) => {
      socket = options
      return { write: (parts) => void sent.push(...parts.map(String)), waiting: 0, destroy: () => {} }
    },
    lost: (error) => lost.push(error),
  })
  return { connection: made, socket: socket as SocketOptions, sent, lost }
}

describe('a connection', () => {
  test('sends the commands of one turn together, each with a number of its own', async () => {
    const { connection: made, socket, sent } = connection()
    const answers = [made.exchange([metaGet('a', 'c'), metaDelete('b')]), made.exchange([noOperation])]
    await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toEqual(['mg a c O1\r\nmd b O2\r\nmn\r\n'])
    socket.received(Buffer.from('HD c4 O1\r\nNF O2\r\nMN\r\n'))
    expect((await Promise.all(answers)).flat().map(({ code }) => code)).toEqual(['HD', 'NF', 'MN'])
  })

  test.each([
    ['the answer to another command', 'VA 1 O2\r\nx\r\nVA 1 O1\r\ny\r\n'],
    ['an answer without a number', 'VA 1\r\nx\r\n'],
    ['an answer of another kind', 'HD O1\r\n'],
    ['an answer that nobody asked for', 'EN O1\r\nEN O2\r\nEN O3\r\n'],
    ['a complaint about what was sent', 'CLIENT_ERROR bad command line format\r\n'],
    ['a server that does not know the command', 'ERROR\r\n'],
  ])('ends with %s: nobody gets what is not theirs', async (_, bytes) => {
    const { connection: made, socket, lost } = connection()
    const asked = [made.exchange([metaRead('a', 'c')]), made.exchange([metaRead('b', 'c')])]
    for (const one of asked) one.catch(() => {})
    socket.received(Buffer.from(bytes))
    expect(lost).toHaveLength(1)
    if (!bytes.startsWith('EN'))
      for (const one of asked) await expect(one).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
    await expect(made.exchange([noOperation])).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
  })

  test('a refusal is an answer: the connection lives, and so does the order', async () => {
    const { connection: made, socket, lost } = connection()
    const asked = made.exchange([metaRead('a', ''), metaRead('b', '')])
    socket.received(Buffer.from('SERVER_ERROR out of memory\r\nVA 2 O2\r\nok\r\n'))
    expect((await asked).map(({ code }) => code)).toEqual(['SERVER_ERROR', 'VA'])
    expect(lost).toEqual([])
  })

  test('does not read statistics without end', async () => {
    const { connection: made, socket, lost } = connection()
    socket.opened()
    const introduced = made.introduce()
    introduced.catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    socket.received(Buffer.from('MN\r\n'))
    for (let line = 0; line < 5000 && lost.length === 0; line++) socket.received(Buffer.from(`STAT s${line} 1\r\n`))
    await expect(introduced).rejects.toThrow('statistics without an end')
  })

  test('does not queue without end', async () => {
    const { connection: made } = connection()
    const many = Array.from({ length: 100_001 }, () => noOperation)
    made.exchange(many).catch(() => {})
    await expect(made.exchange([noOperation])).rejects.toThrow('does not keep up')
    made.end(new Error('over'))
  })
})
