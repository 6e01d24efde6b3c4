/**
 * The service: upload a document, ask for its report, forget it, ask how the cache is.
 *
 *   POST   /documents        a multipart file, or the bytes as the body with their name in `?name=`
 *   GET    /documents/:hash  the report of an earlier upload
 *   DELETE /documents/:hash  drops the report and everything it was derived from
 *   GET    /health           200 in every state: without its store the service is slower, not broken
 */
import multipart from '@fastify/multipart'
import { cacheManager } from '@speedrun/cache'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { examine, forget, RejectedDocument, tagOf, type Report } from './pipeline.ts'

export interface ServerOptions {
  /** Bytes of one upload. Default: 10 MiB. */
  readonly maxUploadBytes?: number
}

interface ByHash {
  readonly Params: { readonly hash: string }
}

const hashParams = {
  type: 'object',
  properties: { hash: { type: 'string', pattern: '^[0-9a-f]{64}$' } },
  required: ['hash'],
} as const

export async function buildServer({ maxUploadBytes = 10 * 1024 * 1024 }: ServerOptions = {}): Promise<FastifyInstance> {
  const server = Fastify({ bodyLimit: maxUploadBytes })
  // A JSON body is a file like any other here: refused as a document, not as bad JSON.
  server.removeAllContentTypeParsers()
  await server.register(multipart, { limits: { files: 1 } })
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  server.setErrorHandler<Error & { readonly statusCode?: number }>((error, request, reply) => {
    if (error instanceof RejectedDocument) {
      return reply.code(422).send({ error: error.message, hash: error.hash, findings: error.findings })
    }
    const status = error.statusCode ?? 500
    if (status >= 500) console.error(`${request.method} ${request.url}:`, error)
    return reply.code(status).send({ error: status >= 500 ? 'the document could not be processed' : error.message })
  })

  server.post('/documents', async (request, reply) => {
    const upload = await uploadOf(request)
    if (upload === undefined) return reply.code(400).send({ error: 'send a file: curl -F file=@<path> ...' })
    const report = await examine(upload.name, upload.bytes)
    await cacheManager.setValue(reportKey(report.hash), report, { tags: [tagOf(report.hash)] })
    return reply.code(201).header('location', `/documents/${report.hash}`).send(report)
  })

  server.get<ByHash>('/documents/:hash', { schema: { params: hashParams } }, async (request, reply) => {
    const report = await cacheManager.getValue<Report>(reportKey(request.params.hash))
    return report ?? reply.code(404).send({ error: 'no report of this document: upload it' })
  })

  server.delete<ByHash>('/documents/:hash', { schema: { params: hashParams } }, async (request) => {
    const { hash } = request.params
    const invalidation = await forget(hash)
    return { hash, invalidation, meaning: MEANING[invalidation] }
  })

  server.get('/health', async () => {
    const { primary, status } = await cacheManager.healthReport()
    return { cache: primary ? 'connected' : 'disconnected', status }
  })

  return server
}

const MEANING = {
  applied: 'nothing derived from the document is left in the cache',
  journaled: 'gone here; the shared cache does not answer now and will drop it before it is read again',
  disabled: 'there is no cache',
} as const

function reportKey(hash: string): string {
  return `document:report:${hash}`
}

async function uploadOf(
  request: FastifyRequest,
): Promise<{ readonly name: string; readonly bytes: Uint8Array } | undefined> {
  if (request.isMultipart()) {
    const file = await request.file()
    return file === undefined ? undefined : { name: file.filename, bytes: await file.toBuffer() }
  }
  const { name } = request.query as { readonly name?: unknown }
  if (!Buffer.isBuffer(request.body)) return undefined
  return { name: typeof name === 'string' ? name : 'upload', bytes: request.body }
}
