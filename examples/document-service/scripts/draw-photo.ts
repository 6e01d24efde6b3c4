/**
 * Photos of a printed label on a desk, made from nothing: a grained desk, a tilted card with print on it, light that
 * falls off to one side, a lens that is a little soft, a sensor that is a little noisy.
 *
 * An untouched photo is saved once. A tampered one is what a forger leaves: the saved photo opened, a region replaced by
 * pixels with another history, and the whole saved again at a high quality.
 */
import { createCanvas } from '@napi-rs/canvas'
import { font } from './fonts.ts'
import { addNoise, decode, image, texture, type Pixels } from './pixels.ts'
import { seededRandom } from './random.ts'

export interface PhotoSubject {
  readonly seed: number
  readonly title: string
  readonly lines: readonly string[]
  /** Desk and card, as red, green and blue. */
  readonly desk: readonly [number, number, number]
  readonly card: string
  /** Radians. */
  readonly tilt: number
  /** Quality at which the camera saved it. */
  readonly quality: number
}

export interface Region {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const WIDTH = 960
const HEIGHT = 720

/** The scene as the sensor saw it, before anything was compressed. */
export async function photograph(subject: PhotoSubject): Promise<Pixels> {
  const random = seededRandom(subject.seed)
  const scene = createCanvas(WIDTH, HEIGHT)
  const context = scene.getContext('2d')
  drawDesk(context, subject, texture(random, 190, 9))
  drawCard(context, subject)
  const soft = await decode(
    await image(await decode(scene.toBuffer('image/png')))
      .blur(0.7)
      .png()
      .toBuffer(),
  )
  light(soft)
  addNoise(soft, random, 2.6)
  return soft
}

export async function save(pixels: Pixels, quality: number): Promise<Buffer> {
  return image(pixels).jpeg({ quality, chromaSubsampling: '4:2:0' }).toBuffer()
}

/** Copies `patch` over `photo` with its upper left corner at (x, y). */
export function paste(photo: Pixels, patch: Pixels, x: number, y: number): void {
  for (let row = 0; row < patch.height; row++) {
    const from = patch.data.subarray(row * patch.width * 3, (row + 1) * patch.width * 3)
    photo.data.set(from, ((y + row) * photo.width + x) * 3)
  }
}

export async function crop(pixels: Pixels, region: Region): Promise<Pixels> {
  const { x: left, y: top, width, height } = region
  return decode(await image(pixels).extract({ left, top, width, height }).png().toBuffer())
}

type Context = ReturnType<ReturnType<typeof createCanvas>['getContext']>

function drawDesk(context: Context, subject: PhotoSubject, grain: (x: number, y: number) => number): void {
  const picture = context.createImageData(WIDTH, HEIGHT)
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const shade = 0.7 + 0.5 * grain(x, y)
      const at = (y * WIDTH + x) * 4
      subject.desk.forEach((level, channel) => (picture.data[at + channel] = Math.min(255, level * shade)))
      picture.data[at + 3] = 255
    }
  }
  context.putImageData(picture, 0, 0)
}

function drawCard(context: Context, subject: PhotoSubject): void {
  context.save()
  context.translate(WIDTH / 2, HEIGHT / 2)
  context.rotate(subject.tilt)
  context.shadowColor = 'rgba(0, 0, 0, 0.5)'
  context.shadowBlur = 24
  context.shadowOffsetY = 10
  context.fillStyle = subject.card
  context.fillRect(-360, -240, 720, 480)
  context.shadowColor = 'transparent'
  context.fillStyle = '#27323d'
  context.fillRect(-360, -240, 720, 92)
  context.fillStyle = '#f4f2ea'
  context.font = font(44, 'bold')
  context.fillText(subject.title, -325, -178)
  context.fillStyle = '#1c1f24'
  context.font = font(32)
  subject.lines.forEach((line, index) => context.fillText(line, -325, -88 + index * 62))
  drawBars(context, seededRandom(subject.seed + 1))
  context.restore()
}

function drawBars(context: Context, random: { next(): number }): void {
  for (let x = -325; x < 320;) {
    const bar = 2 + Math.floor(random.next() * 4) * 2
    context.fillRect(x, 168, bar, 50)
    x += bar + 3 + Math.floor(random.next() * 4) * 2
  }
}

/** Brighter at the upper left, as by a lamp. */
function light(pixels: Pixels): void {
  for (let y = 0; y < pixels.height; y++) {
    for (let x = 0; x < pixels.width; x++) {
      const level = 1.06 - 0.3 * Math.hypot(x / pixels.width, y / pixels.height)
      const at = (y * pixels.width + x) * 3
      for (let channel = 0; channel < 3; channel++) pixels.data[at + channel] = (pixels.data[at + channel] ?? 0) * level
    }
  }
}
