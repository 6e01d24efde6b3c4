/**
 * Is this a file the other steps can work on? Decides by opening it, whole: what passes here decodes.
 *
 * Nothing is thrown for a bad file. A finding is a value and is cached like one, so a bad file costs its check once.
 */
import sharp from 'sharp'
import type { Content } from '../document.ts'
import { finding, type Finding, type FindingCode } from '../finding.ts'
import { withPdf } from '../pdf.ts'

export interface FormatReport {
  readonly pages: number
  /** Pixels, for images. */
  readonly width: number | null
  readonly height: number | null
  readonly findings: readonly Finding[]
}

export const MAX_PAGES = 20
/** Fewer pixels on the shorter side do not hold a readable page. */
const MIN_SIDE = 500
/** Larger pictures are refused before their pixels are allocated. */
const MAX_PIXELS = 50_000_000

const FATAL: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'empty',
  'unknown-type',
  'truncated',
  'unreadable',
  'too-many-pages',
])

/** Whether the document can go no further. */
export function isFatal(found: Finding): boolean {
  return FATAL.has(found.code)
}

export async function validateFormat(content: Content): Promise<FormatReport> {
  if (content.bytes.length === 0) return rejected('empty', 'the file has no bytes')
  if (content.type === 'unknown') return rejected('unknown-type', 'neither a PDF nor a JPEG nor a PNG')
  if (!hasEnd(content)) return rejected('truncated', `the ${content.type} has no end: the file was cut off`)
  try {
    return content.type === 'pdf' ? await openPdf(content.bytes) : await openImage(content.bytes)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return rejected('unreadable', `the ${content.type} cannot be opened: ${reason.split('\n')[0] ?? ''}`)
  }
}

function rejected(code: FindingCode, message: string): FormatReport {
  return { pages: 0, width: null, height: null, findings: [finding(code, message)] }
}

/** Marks that end a whole file. Scanners and mailers append padding: the mark may stand a little before the end. */
const END_MARKS: Readonly<Record<Exclude<Content['type'], 'unknown'>, Buffer>> = {
  pdf: Buffer.from('%%EOF'),
  jpeg: Buffer.from([0xff, 0xd9]),
  png: Buffer.from('IEND'),
}

function hasEnd({ bytes, type }: Content): boolean {
  if (type === 'unknown') return false
  const tail = Buffer.from(bytes.subarray(-(type === 'pdf' ? 1024 : 64)))
  return tail.includes(END_MARKS[type])
}

async function openPdf(bytes: Uint8Array): Promise<FormatReport> {
  const pages = await withPdf(bytes, async (pdf) => {
    await pdf.getPage(1)
    return pdf.numPages
  })
  if (pages > MAX_PAGES) return rejected('too-many-pages', `${pages} pages, at most ${MAX_PAGES} are read`)
  return { pages, width: null, height: null, findings: [] }
}

async function openImage(bytes: Uint8Array): Promise<FormatReport> {
  const { info } = await sharp(bytes, { failOn: 'warning', limitInputPixels: MAX_PIXELS })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const { width, height } = info
  const small = Math.min(width, height) < MIN_SIDE
  const findings = small
    ? [finding('low-resolution', `${width} x ${height} pixels, the shorter side needs ${MIN_SIDE}`)]
    : []
  return { pages: 1, width, height, findings }
}
