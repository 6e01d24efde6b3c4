/**
 * Writes the small part of PDF the samples need: pages of Helvetica text, or a page that is one JPEG.
 */
import { PAGE_HEIGHT, PAGE_WIDTH, type Page } from './page.ts'

type Body = string | Buffer

/** A PDF with a text layer. */
export function textPdf(pages: readonly Page[]): Buffer {
  const objects: Body[] = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, index) => `${5 + 2 * index} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>',
  ]
  for (const page of pages) {
    objects.push(
      pageObject('/Font << /F1 3 0 R /F2 4 0 R >>', objects.length + 2),
      stream('', Buffer.from(operators(page), 'latin1')),
    )
  }
  return assemble(objects)
}

/** A PDF as a scanner writes it: a picture, no text. */
export function scannedPdf(jpeg: Buffer, width: number, height: number): Buffer {
  const picture = `/Type /XObject /Subtype /Image /Width ${width} /Height ${height} /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /DCTDecode`
  return assemble([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Count 1 /Kids [3 0 R] >>',
    pageObject('/XObject << /Scan 5 0 R >>', 4),
    stream('', Buffer.from(`${PAGE_WIDTH} 0 0 ${PAGE_HEIGHT} 0 0 cm /Scan Do`)),
    stream(picture, jpeg),
  ])
}

function pageObject(resources: string, contents: number): string {
  return `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${PAGE_WIDTH} ${PAGE_HEIGHT}] /Resources << ${resources} >> /Contents ${contents} 0 R >>`
}

function operators(page: Page): string {
  const rules = page.rules.map((y) => `60 ${PAGE_HEIGHT - y} ${PAGE_WIDTH - 120} 0.8 re f`)
  const lines = page.lines.flatMap((line) =>
    line.cells.map(({ x, text }) => {
      const escaped = text.replace(/[\\()]/g, '\\$&')
      return `BT /${line.bold ? 'F2' : 'F1'} ${line.size} Tf ${x} ${PAGE_HEIGHT - line.y} Td (${escaped}) Tj ET`
    }),
  )
  return [...rules, ...lines].join('\n')
}

function stream(dictionary: string, content: Buffer): Buffer {
  const open = Buffer.from(`<< ${dictionary} /Length ${content.length} >>\nstream\n`)
  return Buffer.concat([open, content, Buffer.from('\nendstream')])
}

/** Numbers the objects, and lists at the end where each of them begins. */
function assemble(objects: readonly Body[]): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.4\n')]
  const places: number[] = []
  let length = parts[0]?.length ?? 0
  objects.forEach((body, index) => {
    const part = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(body), Buffer.from('\nendobj\n')])
    places.push(length)
    length += part.length
    parts.push(part)
  })
  const entries = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')
  const count = objects.length + 1
  parts.push(Buffer.from(`xref\n0 ${count}\n0000000000 65535 f \n${entries}`))
  parts.push(Buffer.from(`trailer\n<< /Size ${count} /Root 1 0 R >>\nstartxref\n${length}\n%%EOF\n`))
  return Buffer.concat(parts)
}
