/**
 * The service over HTTP, as a client sees it; no test here needs OCR.
 */
import { closeCache, initCache, MemoryBackend } from '@speedrun/cache'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { contentOf } from '../src/document.ts'
import { readSample } from '../src/samples.ts'
import { buildServer } from '../src/server.ts'

const { name, bytes } = await readSample('invoice-wrong-total.pdf')
const { hash } = contentOf(bytes)

let server: FastifyInstance

beforeEach(async () => {
  await initCache({ backend: new MemoryBackend(), env: {} })
  server = await buildServer({ maxUploadBytes: 50_000 })
})
afterEach(() => server.close())
afterAll(closeCache)

async function upload(fileName: string, content: Uint8Array): Promise<Awaited<ReturnType<FastifyInstance['inject']>>> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(content)]), fileName)
  const request = new Request('http://localhost/', { method: 'POST', body: form })
  return server.inject({
    method: 'POST',
    url: '/documents',
    headers: { 'content-type': request.headers.get('content-type') ?? '' },
    payload: Buffer.from(await request.arrayBuffer()),
  })
}

test('an upload answers with the report, and the report can be asked for afterwards', async () => {
  const uploaded = await upload(name, bytes)
  expect(uploaded.statusCode).toBe(201)
  expect(uploaded.headers.location).toBe(`/documents/${hash}`)
  expect(uploaded.json()).toMatchObject({ hash, name, type: 'pdf', kind: 'invoice', risk: { score: 75 } })

  const asked = await server.inject(`/documents/${hash}`)
  expect(asked.statusCode).toBe(200)
  expect(asked.json()).toEqual(uploaded.json())
})

test('the bytes may be the body, of whatever content type', async () => {
  for (const type of ['application/pdf', 'application/json', undefined]) {
    const headers = type === undefined ? {} : { 'content-type': type }
    const answer = await server.inject({
      method: 'POST',
      url: `/documents?name=${name}`,
      headers,
      payload: Buffer.from(bytes),
    })
    expect([answer.statusCode, answer.json().name], type).toEqual([201, name])
  }
})

test('a deleted document is gone, and says that it is', async () => {
  await upload(name, bytes)
  const deleted = await server.inject({ method: 'DELETE', url: `/documents/${hash}` })
  expect(deleted.json()).toMatchObject({ hash, invalidation: 'applied' })
  expect((await server.inject(`/documents/${hash}`)).statusCode).toBe(404)
})

test('what cannot be worked on is the client’s error, with a reason', async () => {
  const bad = await upload('letter.pdf', Buffer.from('no document'))
  expect([bad.statusCode, bad.json().findings[0].code]).toEqual([422, 'unknown-type'])
  expect((await upload('large.pdf', new Uint8Array(60_000))).statusCode).toBe(413)
  const large = await server.inject({ method: 'POST', url: '/documents', payload: Buffer.alloc(60_000) })
  expect(large.statusCode).toBe(413)
  expect((await server.inject({ method: 'POST', url: '/documents' })).statusCode).toBe(400)
  expect((await server.inject('/documents/not-a-hash')).statusCode).toBe(400)
  expect((await server.inject(`/documents/${'0'.repeat(64)}`)).statusCode).toBe(404)
})

test('health tells of the cache, and answers 200 without one', async () => {
  const healthy = await server.inject('/health')
  expect([healthy.statusCode, healthy.json()]).toEqual([200, { cache: 'connected', status: 'connected' }])

  await initCache({ enabled: false, env: {} })
  const disabled = await server.inject('/health')
  expect([disabled.statusCode, disabled.json()]).toEqual([200, { cache: 'disconnected', status: 'disabled' }])
})
