import { createHash } from 'node:crypto'
import type { KeySegment } from './contracts/load-policy.ts'
import { checkIdentityPart, keySegment } from './core/key-encoding.ts'
import { describe, misuse } from './support/errors.ts'

/** Kinds of image analysis the backend has; any other name will do. */
export type ImageAnalysisType = 'full' | 'tampering' | (string & {})
export type ValidationType = 'format' | 'structure' | 'content' | (string & {})
export type RiskEntityType = 'DOCUMENT' | 'TRANSACTION' | 'CLIENT' | (string & {})

/** What can be hashed as a whole. A string is hashed as UTF-8. */
export type Hashable = Uint8Array | ArrayBuffer | string

/** What can be hashed piece by piece: a stream, any iterable of chunks, or a file's path or `file:` url. */
export type HashableStream =
  AsyncIterable<Uint8Array | string> | Iterable<Uint8Array> | ReadableStream<Uint8Array> | string | URL

export interface CacheKeyGenerator {
  /** `document:parse:<hash>` */
  documentParse(fileHash: string): string
  /** `document:tables:<hash>` */
  documentTables(fileHash: string): string
  /** `ocr:extract:<hash>` */
  ocrExtract(imageHash: string): string
  /** `image:<type>:<hash>`; the type defaults to `full`. */
  imageAnalysis(imageHash: string, analysisType?: ImageAnalysisType): string
  /** `validation:<type>:<hash>` */
  validation(documentHash: string, validationType: ValidationType): string
  /** `risk:<ENTITY>:<id>` */
  riskScore(entityType: RiskEntityType, entityId: string): string
  /** SHA-256 of the content, as 64 hexadecimal digits: use it as the key of what was computed from that content. */
  computeHash(content: Hashable): string
  /** The same for content that should not be in memory as a whole. A string is a path. */
  computeHashStream(source: HashableStream): Promise<string>
}

/** Read at once from a file: with 1 MiB chunks hashing runs at more than twice the speed of the default 64 KiB. */
const fileChunkBytes = 1024 * 1024

/**
 * The keys of the Python layer, byte for byte, so that both can share a store. Every method throws `CACHE_BAD_KEY` for an empty or
 * `undefined` part: `document:parse:undefined` would be one entry for all documents.
 *
 * @example
 * const key = CacheKeyGenerator.documentParse(CacheKeyGenerator.computeHash(fileContent))
 */
export const CacheKeyGenerator: CacheKeyGenerator = {
  documentParse: (fileHash) => `document:parse:${keySegment(fileHash, 'fileHash', true)}`,
  documentTables: (fileHash) => `document:tables:${keySegment(fileHash, 'fileHash', true)}`,
  ocrExtract: (imageHash) => `ocr:extract:${keySegment(imageHash, 'imageHash', true)}`,
  imageAnalysis: (imageHash, analysisType = 'full') =>
    `image:${keySegment(analysisType, 'analysisType', false)}:${keySegment(imageHash, 'imageHash', true)}`,
  validation: (documentHash, validationType) =>
    `validation:${keySegment(validationType, 'validationType', false)}:${keySegment(documentHash, 'documentHash', true)}`,
  riskScore: (entityType, entityId) =>
    `risk:${keySegment(entityType, 'entityType', false)}:${keySegment(entityId, 'entityId', true)}`,
  computeHash(content) {
    if (typeof content !== 'string' && !(content instanceof Uint8Array) && !(content instanceof ArrayBuffer)) {
      throw misuse('CACHE_BAD_KEY', `computeHash takes bytes or a string, got ${describe(content)}`)
    }
    return createHash('sha256')
      .update(content instanceof ArrayBuffer ? new Uint8Array(content) : content)
      .digest('hex')
  },
  async computeHashStream(source) {
    const hash = createHash('sha256')
    // The first half of a character whose second half comes with the next chunk of text.
    let half = ''
    for await (const chunk of await chunksOf(source)) {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
        throw misuse('CACHE_BAD_KEY', `computeHashStream takes chunks of bytes or text, got ${describe(chunk)}`)
      }
      if (typeof chunk === 'string') {
        const text = half + chunk
        half = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : ''
        hash.update(half === '' ? text : text.slice(0, -1))
      } else {
        hash.update(half).update(chunk)
        half = ''
      }
    }
    return hash.update(half).digest('hex')
  },
}

async function chunksOf(source: HashableStream): Promise<AsyncIterable<Uint8Array | string> | Iterable<Uint8Array>> {
  if (typeof source === 'string' || source instanceof URL) {
    const { createReadStream } = await import('node:fs')
    return createReadStream(source, { highWaterMark: fileChunkBytes })
  }
  if (typeof source === 'object' && source !== null && !(source instanceof Uint8Array)) {
    if (Symbol.asyncIterator in source || Symbol.iterator in source) return source as AsyncIterable<Uint8Array>
  }
  throw misuse(
    'CACHE_BAD_KEY',
    `computeHashStream takes a stream, an iterable of chunks or a path, got ${describe(source)}`,
  )
}

/**
 * Key builders of your own under one prefix, with the same checks. Each definition returns the parts after its name; only the last may
 * hold `:` or white space.
 *
 * @example
 * const invoiceKeys = defineKeys('invoice', { total: (id: string, currency: string) => [currency, id] })
 * invoiceKeys.total('42', 'EUR') // 'invoice:total:EUR:42'
 * @throws {TypeError} `CACHE_BAD_KEY` when a part is empty, `undefined` or holds what it must not
 */
export function defineKeys<D extends Record<string, (...args: never[]) => readonly KeySegment[]>>(
  prefix: string,
  definitions: D,
): { [K in keyof D]: (...args: Parameters<D[K]>) => string } {
  checkIdentityPart(prefix, 'The prefix of defineKeys')
  const builders: Record<string, (...args: never[]) => string> = {}
  for (const [name, partsOf] of Object.entries(definitions)) {
    checkIdentityPart(name, 'A name in defineKeys')
    builders[name] = (...args) => {
      const parts = partsOf(...args)
      if (!Array.isArray(parts))
        throw misuse('CACHE_BAD_KEY', `${prefix}:${name} must return an array of parts, got ${describe(parts)}`)
      const texts = Array.from(parts, (part, index) =>
        keySegment(part, `Part ${index + 1} of ${prefix}:${name}`, index === parts.length - 1),
      )
      return [prefix, name, ...texts].join(':')
    }
  }
  return builders as { [K in keyof D]: (...args: Parameters<D[K]>) => string }
}
