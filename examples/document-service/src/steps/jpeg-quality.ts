/**
 * Reads from a JPEG's own header at which quality it was saved: its table of quantisers is the standard table times a
 * factor that common encoders derive from the quality.
 */

/** Sum of the standard's example table for brightness (ITU T.81, K.1). */
const STANDARD_SUM = 3688
const START_OF_SCAN = 0xda
const QUANTISERS = 0xdb

/** 1 to 100; 100 when the file does not say. */
export function savedQuality(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 2; at + 4 <= view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1)
    if (marker === START_OF_SCAN) break
    // Table 0 of 8-bit values is the one for brightness.
    if (marker === QUANTISERS && at + 69 <= view.byteLength && view.getUint8(at + 4) === 0) {
      const factor = bytes.subarray(at + 5, at + 69).reduce((sum, value) => sum + value, 0) / STANDARD_SUM
      return Math.round(Math.max(1, factor > 1 ? 50 / factor : 100 - 50 * factor))
    }
  }
  return 100
}
