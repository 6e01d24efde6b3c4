/**
 * Reads a page that is only pixels: turns it the way its lines run, takes out the noise, and hands it to the OCR
 * engine; a reading the engine itself distrusts is tried upside down.
 */
import type { Content } from '../document.ts'
import { recognise, type Reading } from '../ocr-worker.ts'
import { noiseOf } from './noise.ts'
import { orientationOf } from './orientation.ts'
import { fromGrey, grey, pageImages, type GreyImage } from './page-images.ts'

export interface ScannedPage {
  readonly text: string
  /** 0 to 100. */
  readonly confidence: number
  /** Degrees by which the page was turned clockwise before it could be read. */
  readonly turned: number
  /** Grey levels of noise that were found. */
  readonly noise: number
}

export interface ScannedText {
  readonly pages: readonly ScannedPage[]
}

const TRUSTED_CONFIDENCE = 70
const NOISY = 6

export async function readScan(content: Content): Promise<ScannedText> {
  const pages: ScannedPage[] = []
  for (const image of await pageImages(content)) pages.push(await readPage(image))
  return { pages }
}

async function readPage(image: GreyImage): Promise<ScannedPage> {
  const noise = noiseOf(image)
  const clean = noise > NOISY ? await grey(fromGrey(image).median(3)) : image
  const { sideways, skew } = await orientationOf(clean)
  const turn = (sideways ? 90 : 0) - skew
  const upright = await readTurned(clean, turn)
  const flipped = upright.confidence < TRUSTED_CONFIDENCE ? await readTurned(clean, turn + 180) : undefined
  const upsideDown = flipped !== undefined && flipped.confidence > upright.confidence
  const best = upsideDown ? flipped : upright
  return {
    text: best.text.trim(),
    confidence: Math.round(best.confidence),
    turned: (turn + (upsideDown ? 180 : 0) + 360) % 360,
    noise: Math.round(noise * 10) / 10,
  }
}

async function readTurned(image: GreyImage, degrees: number): Promise<Reading> {
  const turned = degrees === 0 ? fromGrey(image) : fromGrey(image).rotate(degrees, { background: '#fff' })
  return recognise(await turned.png({ compressionLevel: 1 }).toBuffer())
}
