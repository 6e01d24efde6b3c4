// Deadlines: late is not the same as silent. A blocked event loop fires timers before it looks at sockets, so an answer that is there
// already must not be taken for none.
import { expect, test } from 'vitest'
import type { Runtime } from '../../src/index.ts'
import { Deadlines } from '../../src/support/deadline.ts'
import { systemRuntime } from '../../src/support/runtime.ts'
import { manualRuntime } from '../support/manual-runtime.ts'

const settled = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return await promise
  } catch (error) {
    return (error as { code?: string }).code
  }
}

test('what does not answer in time rejects when its time is over, by one timer for all of a turn', async () => {
  const runtime = manualRuntime()
  const deadlines = new Deadlines(runtime)
  const never = new Promise<never>(() => {})
  const all = [1, 2, 3].map(() => settled(deadlines.bound(never, 200, 'get')))
  expect(runtime.pending).toBe(1)
  runtime.advance(199)
  expect(runtime.pending).toBe(1)
  runtime.advance(1)
  expect(await Promise.all(all)).toEqual(['CACHE_TIMEOUT', 'CACHE_TIMEOUT', 'CACHE_TIMEOUT'])
  expect(runtime.pending).toBe(0)
})

test('a timer that comes late gives what has arrived one more turn', async () => {
  const runtime = manualRuntime()
  // The loop was blocked for a second: every clock has moved, and the timer fires only now.
  const blocked: Runtime = { ...runtime, monotonic: () => runtime.monotonic() * 10 }
  const deadlines = new Deadlines(blocked)
  let arrive: (value: string) => void = () => {}
  const answered = settled(deadlines.bound(new Promise<string>((resolve) => (arrive = resolve)), 200, 'get'))
  const silent = settled(deadlines.bound(new Promise<never>(() => {}), 200, 'get'))
  runtime.advance(200)
  arrive('here')
  expect(await answered).toBe('here')
  expect(runtime.pending).toBe(1)
  runtime.advance(1)
  expect(await silent).toBe('CACHE_TIMEOUT')
  expect(runtime.pending).toBe(0)
})

test('an answer on a real socket that arrived while the loop was blocked is in time', async () => {
  const { createServer, connect } = await import('node:net')
  const server = createServer((socket) => socket.on('data', () => socket.write('pong'))).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  const deadlines = new Deadlines(systemRuntime)
  const outcomes: unknown[] = []
  for (let round = 0; round < 5; round++) {
    const answer = new Promise((resolve) => socket.once('data', resolve))
    socket.write('ping')
    const bounded = settled(deadlines.bound(answer, 30, 'get'))
    // The server of this very process answers in the next turn, then the loop stands still past the deadline.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    const until = performance.now() + 80
    while (performance.now() < until);
    outcomes.push(String(await bounded))
  }
  socket.destroy()
  server.close()
  expect(outcomes).toEqual(Array.from({ length: 5 }, () => 'pong'))
})
