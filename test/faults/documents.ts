// What the clients of the service send: small PDFs with a text layer, so that no page has to be read by OCR. A comment
// behind a sample's end makes another document of it, with another hash and the same text.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

export interface ClientDocument {
  readonly name: string
  readonly hash: string
  readonly bytes: Buffer
  /** What the service answered to its first upload: every later answer must be the same. */
  report: string
  /** An upload was answered, and no deletion was sent since: there should be a report. */
  uploaded: boolean
  /** A deletion was answered, and no upload was sent since: there must be none. */
  deleted: boolean
  /** Sent so far. */
  uploads: number
  deletions: number
}

const samples = [
  'invoice-text.pdf',
  'invoice-wrong-total.pdf',
  'invoice-incomplete.pdf',
  'certificate-dates-reversed.pdf',
] as const

export async function makeDocuments(count: number): Promise<ClientDocument[]> {
  return await Promise.all(Array.from({ length: count }, (_, serial) => makeDocument(serial)))
}

async function makeDocument(serial: number): Promise<ClientDocument> {
  const name = samples[serial % samples.length] ?? samples[0]
  const sample = await readFile(new URL(`../../examples/document-service/samples/${name}`, import.meta.url))
  const bytes = Buffer.concat([sample, Buffer.from(`% copy ${serial}\n`)])
  const hash = createHash('sha256').update(bytes).digest('hex')
  return { name, hash, bytes, report: '', uploaded: false, deleted: false, uploads: 0, deletions: 0 }
}
