/**
 * Draws a page as a scanner sees it: black print on white paper, 150 dots per inch.
 */
import { createCanvas } from '@napi-rs/canvas'
import { font } from './fonts.ts'
import { PAGE_HEIGHT, PAGE_WIDTH, type Page } from './page.ts'
import { decode, type Pixels } from './pixels.ts'

const SCAN_DPI = 150

export async function drawPage(page: Page, dpi: number = SCAN_DPI): Promise<Pixels> {
  const scale = dpi / 72
  const canvas = createCanvas(Math.round(PAGE_WIDTH * scale), Math.round(PAGE_HEIGHT * scale))
  const context = canvas.getContext('2d')
  context.fillStyle = '#fdfdfb'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.scale(scale, scale)
  context.fillStyle = '#161616'
  for (const y of page.rules) context.fillRect(60, y, PAGE_WIDTH - 120, 0.8)
  for (const line of page.lines) {
    context.font = font(line.size, line.bold ? 'bold' : 'normal')
    for (const cell of line.cells) context.fillText(cell.text, cell.x, line.y)
  }
  return decode(canvas.toBuffer('image/png'))
}
