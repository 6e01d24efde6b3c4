/**
 * Error level analysis. A JPEG saved once has lost the same kind of detail everywhere; a region that was pasted or
 * retouched has another history, and when the picture is saved again at a lower quality that region changes by another
 * amount than the rest.
 *
 * How much a block changes depends first on how much detail it holds. So each block is compared with blocks of equal
 * detail, judged by their error at a low quality; what remains are blocks that answer unlike their peers. Single ones
 * occur in every picture. A forged region is many of them side by side: the size of the largest patch is the score.
 *
 * It is a hint, not a proof: a picture saved at its first quality again after the forgery, or sent through a messenger,
 * has lost the traces.
 */
import sharp from 'sharp'
import type { Content } from '../document.ts'
import { savedQuality } from './jpeg-quality.ts'
import { largestPatch, type Grid, type Patch } from './largest-patch.ts'

export interface TamperingAnalysis {
  /** 0 to 1. Untouched pictures stay below 0.5, see `SUSPICIOUS`. */
  readonly score: number
  /** Quality of the re-encoding that showed the patch best. */
  readonly quality: number
  /** Where the largest patch of odd blocks lies, in pixels. */
  readonly region: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null
}

/** From this score on a picture is reported. */
export const SUSPICIOUS = 0.5

const BLOCK = 16
/** Shows detail, not history: all histories look alike after such a loss. */
const REFERENCE_QUALITY = 50
/** A region gives itself away near the quality that it, or the rest, was once saved at. */
const PROBE_QUALITIES: readonly number[] = [65, 75, 85, 90]
/** Near the quality it was saved at, a picture hardly changes, and what changes is chance. */
const TOO_NEAR = 3
/** Deviations from the peers at which a block is odd. */
const ODD = 4.5
/** Blocks in a patch that give a score of 0.63. */
const TELLING_PATCH = 12

export async function analyseTampering(content: Content): Promise<TamperingAnalysis> {
  const picture = await pixelsOf(content.bytes)
  const reference = await errorLevels(picture, REFERENCE_QUALITY)
  let found: { readonly patch: Patch; readonly quality: number } | undefined
  const saved = savedQuality(content.bytes)
  for (const quality of PROBE_QUALITIES.filter((probe) => probe <= saved - TOO_NEAR)) {
    const levels = await errorLevels(picture, quality)
    const patch = largestPatch({ ...levels, values: unlikePeers(levels.values, reference.values) }, ODD)
    if (patch !== undefined && patch.size > (found?.patch.size ?? 0)) found = { patch, quality }
  }
  if (found === undefined) return { score: 0, quality: REFERENCE_QUALITY, region: null }
  const { left, top, right, bottom, size } = found.patch
  return {
    score: Math.round((1 - Math.exp(-size / TELLING_PATCH)) * 1000) / 1000,
    quality: found.quality,
    region: { x: left * BLOCK, y: top * BLOCK, width: (right - left + 1) * BLOCK, height: (bottom - top + 1) * BLOCK },
  }
}

interface Picture {
  readonly data: Buffer
  readonly width: number
  readonly height: number
}

async function pixelsOf(encoded: Uint8Array): Promise<Picture> {
  const { data, info } = await sharp(encoded)
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

/** Logarithm of the mean squared change of each block when the picture is saved at `quality`. */
async function errorLevels(picture: Picture, quality: number): Promise<Grid> {
  const { width, height } = picture
  const saved = await sharp(picture.data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer()
  const again = (await pixelsOf(saved)).data
  const columns = Math.floor(width / BLOCK)
  const rows = Math.floor(height / BLOCK)
  const values = new Float64Array(columns * rows)
  for (let y = 0; y < rows * BLOCK; y++) {
    for (let x = 0; x < columns * BLOCK; x++) {
      const at = (y * width + x) * 3
      const block = Math.floor(y / BLOCK) * columns + Math.floor(x / BLOCK)
      values[block] = (values[block] ?? 0) + (luma(picture.data, at) - luma(again, at)) ** 2
    }
  }
  return { values: values.map((sum) => Math.log(sum / BLOCK ** 2 + 0.05)), columns, rows }
}

function luma(data: Buffer, at: number): number {
  return 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0)
}

/** How many robust deviations each block lies from the median of its peers: the blocks that hold about as much detail. */
function unlikePeers(levels: Float64Array, detail: Float64Array): Float64Array {
  const order = Array.from(detail.keys()).sort((a, b) => (detail[a] ?? 0) - (detail[b] ?? 0))
  const peers = Math.max(50, Math.ceil(order.length / 40))
  const residuals = new Float64Array(levels.length)
  for (let from = 0; from < order.length; from += peers) {
    const group = order.slice(from, from + peers)
    const usual = median(group.map((block) => levels[block] ?? 0))
    for (const block of group) residuals[block] = (levels[block] ?? 0) - usual
  }
  const spread = 1.4826 * median(residuals.map(Math.abs)) + 0.02
  return residuals.map((residual) => residual / spread)
}

function median(values: ArrayLike<number>): number {
  return Float64Array.from(values).sort()[Math.floor(values.length / 2)] ?? 0
}
