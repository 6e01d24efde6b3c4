/**
 * A page of print: lines of text at places given in points on A4. The same page can be drawn as a scan, set as a PDF, and
 * written down as the text a reader should get: so the expected words are what was printed, not what was read.
 */
export interface Cell {
  readonly x: number
  readonly text: string
}

export interface Line {
  /** Distance of the baseline from the upper edge. */
  readonly y: number
  readonly size: number
  readonly bold: boolean
  readonly cells: readonly Cell[]
}

export interface Page {
  readonly lines: readonly Line[]
  /** Where thin lines are ruled across the page. */
  readonly rules: readonly number[]
}

export const PAGE_WIDTH = 595
export const PAGE_HEIGHT = 842

export function textOf(page: Page): string {
  return page.lines.map((line) => line.cells.map((cell) => cell.text).join(' ')).join('\n')
}
