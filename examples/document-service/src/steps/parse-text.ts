/**
 * Takes the text out of a PDF, page by page, with the line breaks it was set with. A scanned PDF has none: its pages
 * come back empty, and the pipeline then reads them by OCR.
 */
import type { Content } from '../document.ts'
import { withPdf } from '../pdf.ts'

export interface ParsedText {
  readonly pages: readonly string[]
}

export async function parseText(content: Content): Promise<ParsedText> {
  return withPdf(content.bytes, async (pdf) => {
    const pages: string[] = []
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number)
      const { items } = await page.getTextContent()
      const text = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('')
      pages.push(text.trim())
    }
    return { pages }
  })
}

export function hasText(parsed: ParsedText): boolean {
  return parsed.pages.some((page) => page !== '')
}
