/**
 * Error level analysis on pictures it was not tuned on: other seeds, other qualities, a forgery of another kind.
 */
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { crop, paste, photograph, save, type PhotoSubject } from '../scripts/draw-photo.ts'
import { decode } from '../scripts/pixels.ts'
import { contentOf } from '../src/document.ts'
import { savedQuality } from '../src/steps/jpeg-quality.ts'
import { analyseTampering, SUSPICIOUS } from '../src/steps/tampering.ts'
import { largestPatch } from '../src/steps/largest-patch.ts'

const subject = (seed: number): PhotoSubject => ({
  seed,
  title: `LOCKER ${seed}`,
  lines: ['Room 12, row C', `Until 2025-0${(seed % 9) + 1}-30`, 'Keep the key'],
  desk: [130, 110, 90],
  card: '#f0efe6',
  tilt: 0.01 * (seed - 32),
  quality: 87,
})

describe.each([31, 32, 33])('picture %i', (seed) => {
  test.each([78, 90, 94])('saved once at quality %i it is not suspicious', async (quality) => {
    const analysis = await analyseTampering(contentOf(await save(await photograph(subject(seed)), quality)))
    expect(analysis.score).toBeLessThan(SUSPICIOUS)
  })

  test('with a line copied over another one it is', async () => {
    const photo = await decode(await save(await photograph(subject(seed)), 87))
    paste(photo, await crop(photo, { x: 131, y: 421, width: 350, height: 54 }), 150, 300)
    const analysis = await analyseTampering(contentOf(await save(photo, 95)))
    expect(analysis.score).toBeGreaterThan(SUSPICIOUS + 0.3)
  })
})

test.each([50, 78, 90, 98])('a file says itself that it was saved at quality %i', async (quality) => {
  const grey = sharp({ create: { width: 16, height: 16, channels: 3, background: '#888' } })
  expect(savedQuality(await grey.jpeg({ quality }).toBuffer())).toBe(quality)
})

test('a patch joins neighbours that deviate the same way, across no edge and no sign', () => {
  const values = Float64Array.from(
    [
      [9, 9, 0, 9],
      [0, 9, 0, 9],
      [-9, 0, 0, 9],
      [9, -9, -9, 9],
    ].flat(),
  )
  expect(largestPatch({ values, columns: 4, rows: 4 }, 5)).toEqual({ size: 4, left: 3, top: 0, right: 3, bottom: 3 })
  expect(largestPatch({ values, columns: 4, rows: 4 }, 10)).toBeUndefined()
})
