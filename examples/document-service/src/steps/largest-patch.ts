/**
 * Finds the largest patch of neighbouring cells of a grid that deviate in the same direction.
 */
export interface Grid {
  readonly values: Float64Array
  readonly columns: number
  readonly rows: number
}

export interface Patch {
  readonly size: number
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export function largestPatch(grid: Grid, threshold: number): Patch | undefined {
  const seen = new Uint8Array(grid.values.length)
  let largest: Patch | undefined
  for (const [start, value] of grid.values.entries()) {
    if (seen[start] === 1 || Math.abs(value) < threshold) continue
    const patch = flood(grid, start, threshold, seen)
    if (patch.size > (largest?.size ?? 0)) largest = patch
  }
  return largest
}

function flood(grid: Grid, start: number, threshold: number, seen: Uint8Array): Patch {
  const sign = Math.sign(grid.values[start] ?? 0)
  const open = [start]
  seen[start] = 1
  let patch: Patch = { size: 0, left: grid.columns, top: grid.rows, right: 0, bottom: 0 }
  for (let cell = open.pop(); cell !== undefined; cell = open.pop()) {
    const x = cell % grid.columns
    const y = Math.floor(cell / grid.columns)
    patch = {
      size: patch.size + 1,
      left: Math.min(patch.left, x),
      top: Math.min(patch.top, y),
      right: Math.max(patch.right, x),
      bottom: Math.max(patch.bottom, y),
    }
    const neighbours = [
      x > 0 ? cell - 1 : -1,
      x < grid.columns - 1 ? cell + 1 : -1,
      cell - grid.columns,
      cell + grid.columns,
    ]
    for (const next of neighbours) {
      if (seen[next] !== 0 || (grid.values[next] ?? 0) * sign < threshold) continue
      seen[next] = 1
      open.push(next)
    }
  }
  return patch
}
