/**
 * The few pixel operations the samples need, on raw RGB buffers: noise as a scanner or a sensor makes it, texture, and
 * the way in and out of encoded images.
 */
import sharp, { type Sharp } from 'sharp'
import type { Random } from './random.ts'

export interface Pixels {
  readonly data: Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** Any encoded image as RGB. */
export async function decode(encoded: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(encoded)
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data: new Uint8ClampedArray(data), width: info.width, height: info.height }
}

/** RGB pixels as a sharp pipeline, ready to be turned, blurred or encoded. */
export function image(pixels: Pixels): Sharp {
  return sharp(pixels.data, { raw: { width: pixels.width, height: pixels.height, channels: 3 } })
}

/** Adds normal noise of `sigma` grey levels, and turns the share `specks` of all pixels black or white. */
export function addNoise(pixels: Pixels, random: Random, sigma: number, specks = 0): void {
  const { data } = pixels
  for (let at = 0; at < data.length; at += 3) {
    const speck = specks > 0 && random.next() < specks ? (random.next() < 0.5 ? -255 : 255) : 0
    const shift = speck + sigma * random.normal()
    for (let channel = 0; channel < 3; channel++) {
      data[at + channel] = (data[at + channel] ?? 0) + shift + 0.5 * sigma * random.normal()
    }
  }
}

/** Smooth noise in [0, 1] of three octaves; `cellX` and `cellY` are the size of its largest grain in pixels. */
export function texture(random: Random, cellX: number, cellY: number): (x: number, y: number) => number {
  const lattice = Float32Array.from({ length: 64 * 64 }, () => random.next())
  const at = (x: number, y: number): number => lattice[(y & 63) * 64 + (x & 63)] ?? 0
  const smooth = (t: number): number => t * t * (3 - 2 * t)
  const octave = (x: number, y: number): number => {
    const left = Math.floor(x)
    const top = Math.floor(y)
    const across = smooth(x - left)
    const upper = at(left, top) * (1 - across) + at(left + 1, top) * across
    const lower = at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across
    return upper + (lower - upper) * smooth(y - top)
  }
  return (x, y) => {
    const u = x / cellX
    const v = y / cellY
    return 0.57 * octave(u, v) + 0.29 * octave(2 * u, 2 * v) + 0.14 * octave(4 * u, 4 * v)
  }
}
