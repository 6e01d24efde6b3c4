/**
 * Registers the Liberation Sans that pdfjs-dist brings along, so that the samples look the same on every machine.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GlobalFonts } from '@napi-rs/canvas'

const folder = join(dirname(fileURLToPath(import.meta.resolve('pdfjs-dist/package.json'))), 'standard_fonts')

GlobalFonts.registerFromPath(join(folder, 'LiberationSans-Regular.ttf'), 'Sample Sans')
GlobalFonts.registerFromPath(join(folder, 'LiberationSans-Bold.ttf'), 'Sample Sans')

export function font(size: number, weight: 'normal' | 'bold' = 'normal'): string {
  return `${weight} ${size}px "Sample Sans"`
}
