/**
 * Measures the noise of a page, in grey levels. The mask takes out flat areas and straight edges and leaves what has no
 * direction: grain and specks. The median over small tiles keeps the print itself out of the measure.
 */
import type { GreyImage } from './page-images.ts'

const TILE = 24

export function noiseOf(page: GreyImage): number {
  const { data, width, height } = page
  const at = (x: number, y: number): number => data[y * width + x] ?? 0
  const tiles: number[] = []
  for (let top = 1; top + TILE < height; top += TILE) {
    for (let left = 1; left + TILE < width; left += TILE) {
      let sum = 0
      for (let y = top; y < top + TILE; y++) {
        for (let x = left; x < left + TILE; x++) {
          const corners = at(x - 1, y - 1) + at(x + 1, y - 1) + at(x - 1, y + 1) + at(x + 1, y + 1)
          const sides = at(x, y - 1) + at(x - 1, y) + at(x + 1, y) + at(x, y + 1)
          sum += Math.abs(corners - 2 * sides + 4 * at(x, y))
        }
      }
      // Immerkaer's constant: turns the mask's mean answer to normal noise into that noise's deviation.
      tiles.push((Math.sqrt(Math.PI / 2) * sum) / (6 * TILE * TILE))
    }
  }
  tiles.sort((a, b) => a - b)
  return tiles[Math.floor(tiles.length / 2)] ?? 0
}
