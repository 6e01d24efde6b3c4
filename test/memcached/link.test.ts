// The way to one server, on a clock that the test moves and a server that is only its bytes.
import { afterEach, expect, test } from 'vitest'
import { MemcachedLink } from '../../src/backends/memcached/memcached-link.ts'
import { noOperation } from '../../src/backends/memcached/meta-commands.ts'
import type { SocketOptions } from '../../src/backends/memcached/socket.ts'
import { manualRuntime } from '../support/manual-runtime.ts'

const runtime = manualRuntime()
const sockets: Array<SocketOptions & { sent: string; destroyed: boolean }> = []
const told: string[] = []
const links: MemcachedLink[] = []
const hello = 'MN\r\nSTAT pid 7\r\nSTAT uptime 10\r\nSTAT time 1000\r\nEND\r\nSTAT item_size_max 2048\r\nEND\r\n'

function link(): MemcachedLink {
  const made = new MemcachedLink({
    host: 'cache',
    port: 1,
    runtime,
    connectTimeoutMs: 5000,
    open(options) {
      const socket = { ...options, sent: '', destroyed: false }
      sockets.push(socket)
      return {
        write: (parts) => void (socket.sent += parts.join('')),
        waiting: 0,
        destroy: () => void (socket.destroyed = true),
      }
    },
    events: { lost: () => told.push('lost'), restored: () => told.push('restored') },
  })
  links.push(made)
  return made
}

const turn = async (): Promise<void> => {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
}
const last = () => sockets.at(-1)!
const answerHello = async (): Promise<void> => {
  last().opened()
  await turn()
  last().received(Buffer.from(hello))
  await turn()
}

afterEach(async () => {
  for (const one of links.splice(0)) one.stop()
  await turn()
  sockets.length = 0
  told.length = 0
  expect(runtime.pending).toBe(0)
})

test('opens, knows who answers, and tells the time of the server', async () => {
  const made = link()
  const started = made.start()
  await answerHello()
  await started
  expect(last().sent).toBe('mn\r\nstats\r\nstats settings\r\n')
  expect([made.isUp, made.history, made.maxItemBytes, told]).toEqual([true, '990.7', 2048, ['restored']])
  runtime.advance(400)
  expect(made.time).toBe(1000.4)
})

test('gives up an opening that hangs, and tries again for ever, at most every 1.25 s', async () => {
  const made = link()
  const started = made.start()
  started.catch(() => {})
  last().opened()
  await turn()
  runtime.advance(2000)
  await expect(started).rejects.toMatchObject({ code: 'CACHE_TIMEOUT' })
  expect(last().destroyed).toBe(true)
  for (let attempt = 0; attempt < 20; attempt++) {
    const before = sockets.length
    runtime.advance(1250)
    expect(sockets.length).toBe(before + 1)
    last().lost(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))
    await turn()
  }
  await expect(made.exchange([noOperation])).rejects.toThrow('ECONNREFUSED')
  runtime.advance(1250)
  await answerHello()
  expect(told).toEqual(['restored'])
})

test('ends a connection that owes an answer for 2 s, but looks twice: a blocked event loop is nobody else’s fault', async () => {
  const made = link()
  const started = made.start()
  await answerHello()
  await started
  const asked = made.exchange([noOperation])
  asked.catch(() => {})
  await turn()
  // Everything is late at once; then what has arrived is read.
  runtime.advance(2510)
  expect(told).toEqual(['restored'])
  last().received(Buffer.from('MN\r\n'))
  expect(await asked).toHaveLength(1)
  runtime.advance(100)
  expect(told).toEqual(['restored'])

  const silent = made.exchange([noOperation])
  silent.catch(() => {})
  await turn()
  runtime.advance(3200)
  expect(told).toEqual(['restored', 'lost'])
  await expect(silent).rejects.toMatchObject({ code: 'CACHE_TIMEOUT' })
})

test('asks for a word where there was none for a second, and is content with it', async () => {
  const made = link()
  const started = made.start()
  await answerHello()
  await started
  last().sent = ''
  for (let second = 0; second < 10; second++) {
    runtime.advance(1000)
    await turn()
    expect(last().sent).toMatch(/^(mn\r\n)?$/)
    if (last().sent !== '') last().received(Buffer.from('MN\r\n'))
    last().sent = ''
  }
  expect(told).toEqual(['restored'])
})

test('does not use the CAS values of another connection', async () => {
  const made = link()
  const started = made.start()
  await answerHello()
  await started
  const { epoch } = made
  last().lost(undefined)
  runtime.advance(100)
  await answerHello()
  expect(made.isUp).toBe(true)
  await expect(made.exchange([noOperation], epoch)).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' })
})

test.each([
  ['another protocol', 'HTTP/1.1 400 Bad Request\r\n', 'cannot be understood'],
  ['a server without meta commands', 'ERROR\r\nEND\r\nEND\r\n', 'Memcached 1.6 or later'],
  ['a server without CAS values', 'MN\r\nEND\r\nSTAT cas_enabled no\r\nEND\r\n', 'keeps no CAS values'],
])('refuses %s, and says so', async (_, bytes, message) => {
  const started = link().start()
  started.catch(() => {})
  last().opened()
  await turn()
  last().received(Buffer.from(bytes))
  await expect(started).rejects.toThrow(message)
})
