// The data of all suites: JSON as an OCR service returns it (pages, lines, words with boxes and confidences), the same in every
// run and every process.

interface Box {
  x: number
  y: number
  width: number
  height: number
}
interface Word {
  text: string
  confidence: number
  box: Box
}
interface Line {
  text: string
  words: Word[]
  box: Box
}
interface Page {
  number: number
  rotation: number | null
  language: string
  lines: Line[]
}
export interface Document {
  hash: string
  engine: { name: string; version: string; handwriting: boolean }
  pages: Page[]
}

const vocabulary =
  'invoice number date total amount due payment account Überweisung Straße Rechnung tax net gross item quantity price per unit'.split(
    ' ',
  )

/** Numbers in [0, 1) that depend on the seed alone. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
}

/** @returns a document whose JSON has about `bytes` characters */
export function makeDocument(bytes: number, seed = 1): Document {
  const random = randomNumbers(seed)
  const box = (): Box => ({
    x: Math.round(random() * 2480),
    y: Math.round(random() * 3508),
    width: Math.round(random() * 400),
    height: 32,
  })
  const word = (): Word => ({
    text: vocabulary[Math.floor(random() * vocabulary.length)] ?? '',
    confidence: Math.round(random() * 10_000) / 10_000,
    box: box(),
  })
  const line = (words: number): Line => {
    const found = Array.from({ length: words }, word)
    return { text: found.map(({ text }) => text).join(' '), words: found, box: box() }
  }
  const document: Document = {
    hash: documentHash(seed),
    engine: { name: 'ocr', version: '5.3.0', handwriting: false },
    pages: [],
  }
  for (let size = JSON.stringify(document).length; size < bytes * 0.97;) {
    const page: Page = {
      number: document.pages.length + 1,
      rotation: random() < 0.5 ? null : 90,
      language: 'deu',
      lines: [],
    }
    document.pages.push(page)
    for (size += 60; size < bytes * 0.97 && page.lines.length < 40;) {
      const next = line(Math.min(9, Math.max(1, Math.floor((bytes - size) / 110))))
      page.lines.push(next)
      size += JSON.stringify(next).length + 1
    }
  }
  return document
}

/** A small result: an object of about 90 bytes of JSON. */
export function makeVerdict(seed: number): {
  id: string
  score: number
  level: string
  reasons: string[]
  final: boolean
} {
  const random = randomNumbers(seed)
  return {
    id: `check-${seed}`,
    score: Math.round(random() * 1e4) / 1e4,
    level: 'medium',
    reasons: ['date', 'total'],
    final: true,
  }
}

/** What a document is known by: 64 hexadecimal digits. */
export function documentHash(seed: number): string {
  const random = randomNumbers(seed * 7919 + 17)
  return Array.from({ length: 8 }, () =>
    Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
}

/** Another string object with the same text, flat, and with nothing remembered about it by the engine. */
export function freshCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** Numbers from 0 to `below`, each about equally often, in no order a processor could guess. */
export function scrambled(count: number, below: number, seed = 1): Uint32Array {
  const random = randomNumbers(seed)
  return Uint32Array.from({ length: count }, () => Math.floor(random() * below))
}
