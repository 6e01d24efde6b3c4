/**
 * Opens a PDF with the build of pdf.js that runs in Node, and closes it again whatever happens in between.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getDocument, VerbosityLevel, type PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs'

const fonts = join(dirname(fileURLToPath(import.meta.resolve('pdfjs-dist/package.json'))), 'standard_fonts') + '/'

/** @throws what pdf.js throws for a damaged file. */
export async function withPdf<T>(bytes: Uint8Array, use: (pdf: PDFDocumentProxy) => Promise<T>): Promise<T> {
  const task = getDocument({
    // pdf.js takes the buffer away from its owner: it gets a copy.
    data: Uint8Array.from(bytes),
    standardFontDataUrl: fonts,
    useSystemFonts: false,
    verbosity: VerbosityLevel.ERRORS,
  })
  try {
    return await use(await task.promise)
  } finally {
    await task.destroy()
  }
}
