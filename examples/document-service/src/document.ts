/**
 * What the pipeline works on: the bytes of a file, the hash that names them, and the type the bytes show.
 *
 * The file's name is deliberately not part of `Content`. Every step is cached by the hash of the bytes, so a step that
 * looked at the name would give one file's answer to another file with the same bytes.
 */
import { createHash } from 'node:crypto'

export type ContentType = 'pdf' | 'jpeg' | 'png' | 'unknown'

export interface Content {
  /** SHA-256 of the bytes, hexadecimal. */
  readonly hash: string
  readonly bytes: Uint8Array
  readonly type: ContentType
}

export function contentOf(bytes: Uint8Array): Content {
  return { hash: createHash('sha256').update(bytes).digest('hex'), bytes, type: typeOf(bytes) }
}

/** Whether the name promises another type than the bytes are of; a name without a known ending promises nothing. */
export function isMislabelled(name: string, type: ContentType): boolean {
  const promised = ENDINGS[name.slice(name.lastIndexOf('.') + 1).toLowerCase()]
  return promised !== undefined && type !== 'unknown' && promised !== type
}

const ENDINGS: Readonly<Record<string, ContentType>> = { pdf: 'pdf', jpg: 'jpeg', jpeg: 'jpeg', png: 'png' }

const SIGNATURES: ReadonlyArray<readonly [ContentType, readonly number[]]> = [
  ['pdf', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
]

function typeOf(bytes: Uint8Array): ContentType {
  const found = SIGNATURES.find(([, signature]) => signature.every((byte, at) => bytes[at] === byte))
  return found === undefined ? 'unknown' : found[0]
}
