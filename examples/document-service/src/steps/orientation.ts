/**
 * Finds how a page lies on the scanner, from the pixels alone. Lines of print, looked at along their own direction, give
 * a profile of sharp peaks and empty gaps; along any other direction the profile is flat. So the page is projected under
 * many angles, and the angle with the steepest profile is where its lines run.
 *
 * What this cannot tell is which way is up: both readings have the same profile. `read-scan.ts` tries both.
 */
import { fromGrey, grey, type GreyImage } from './page-images.ts'

export interface Orientation {
  /** Whether the lines run from top to bottom. */
  readonly sideways: boolean
  /** Degrees by which the lines fall to the right (after a sideways page was turned by 90 degrees). */
  readonly skew: number
}

/** Longer side of the small copy the angles are tried on. */
const SIZE = 700
const MAX_SKEW = 8
const STEP = 0.5

export async function orientationOf(page: GreyImage): Promise<Orientation> {
  const small = await grey(fromGrey(page).resize(SIZE, SIZE, { fit: 'inside', withoutEnlargement: true }))
  const around = await grey(fromGrey(small).blur(10))
  const ink = inkOf(small, around)
  const upright = steepest(ink)
  // Turned by 90 degrees clockwise, (x, y) becomes (height - y, x).
  const sideways = steepest(ink.map(({ x, y }) => ({ x: small.height - y, y: x })))
  return sideways.score > upright.score
    ? { sideways: true, skew: sideways.angle }
    : { sideways: false, skew: upright.angle }
}

interface Point {
  readonly x: number
  readonly y: number
}

/** The pixels that are darker than what surrounds them: print, whatever the light. */
function inkOf(page: GreyImage, around: GreyImage): Point[] {
  const ink: Point[] = []
  for (let at = 0; at < page.data.length; at++) {
    if ((page.data[at] ?? 0) < (around.data[at] ?? 0) - 30)
      ink.push({ x: at % page.width, y: Math.floor(at / page.width) })
  }
  return ink
}

function steepest(ink: readonly Point[]): { readonly angle: number; readonly score: number } {
  let best = { angle: 0, score: profileScore(ink, 0) }
  for (let angle = -MAX_SKEW; angle <= MAX_SKEW; angle += STEP) {
    const score = profileScore(ink, angle)
    // A tie goes to the straight page.
    if (score > best.score * 1.01) best = { angle, score }
  }
  return best
}

/** Sum of the squared steps between neighbouring rows of the projection under `angle`. */
function profileScore(ink: readonly Point[], angle: number): number {
  const slope = Math.tan((angle * Math.PI) / 180)
  const rows = new Float64Array(SIZE * 3)
  for (const { x, y } of ink) {
    const row = Math.round(y - x * slope) + SIZE
    rows[row] = (rows[row] ?? 0) + 1
  }
  let score = 0
  for (let row = 1; row < rows.length; row++) score += ((rows[row] ?? 0) - (rows[row - 1] ?? 0)) ** 2
  return score
}
