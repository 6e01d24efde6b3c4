/**
 * Makes every file in `samples/`, and `samples/expected.json` with what is true of each. Run by
 * `npm run samples --workspace examples/document-service`; the files it makes are committed, so only a change of the
 * samples needs it. Randomness is seeded: the same files come out each time.
 */
import { createCanvas } from '@napi-rs/canvas'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { ExpectedSample } from '../src/samples.ts'
import { drawPage } from './draw-page.ts'
import { crop, paste, photograph, save, type PhotoSubject, type Region } from './draw-photo.ts'
import { font } from './fonts.ts'
import { textOf, type Page } from './page.ts'
import { addNoise, decode, image, type Pixels } from './pixels.ts'
import { seededRandom } from './random.ts'
import { certificatePage, invoicePage, type Invoice } from './sample-pages.ts'
import { scannedPdf, textPdf } from './write-pdf.ts'

const folder = new URL('../../samples/', import.meta.url)
const expected: Record<string, ExpectedSample> = {}

function sample(name: string, bytes: Buffer, truth: ExpectedSample): void {
  writeFileSync(new URL(name, folder), bytes)
  expected[name] = truth
}

async function scan(page: Page, noise: number, specks = 0, dpi?: number): Promise<Pixels> {
  const pixels = await drawPage(page, dpi)
  addNoise(pixels, seededRandom(41), noise, specks)
  return pixels
}

async function png(pixels: Pixels): Promise<Buffer> {
  return image(pixels).greyscale().png({ compressionLevel: 9, palette: true, colours: 16 }).toBuffer()
}

const invoice: Invoice = {
  seller: 'Harbour Lane Supplies',
  number: 'HL-20417',
  issued: '2024-03-14',
  due: '2024-04-13',
  items: [
    ['Packing crates, large', 12, 1850],
    ['Steel shelving, four rows', 3, 24900],
    ['Delivery and assembly', 1, 9500],
  ],
  iban: 'DE89 3704 0044 0532 0130 00',
}
const scanned: Invoice = {
  seller: 'Copper Kettle Catering',
  number: 'CK-5583',
  issued: '2024-06-03',
  due: '2024-07-03',
  items: [
    ['Lunch for the board meeting', 24, 1675],
    ['Coffee and pastries', 40, 425],
    ['Hire of tables', 8, 1200],
  ],
  iban: 'GB82 WEST 1234 5698 7654 32',
}
const certificate = certificatePage({
  issuer: 'Fairweather Measuring Institute',
  number: 'FMI-88213',
  issued: '2023-11-20',
  until: '2025-11-20',
  instrument: 'Digital scale, model LX 400',
  paragraphs: [
    'The instrument named above was compared with reference weights in a room of stable temperature. Every reading lay within the limits that the maker has published for this model.',
    'This certificate describes the state of the instrument on the day of the test. It becomes void when the seal is broken or when the instrument is repaired.',
    'Keep this page together with the instrument and show it on request.',
  ],
})

async function makeTextPdfs(): Promise<void> {
  const page = invoicePage(invoice)
  sample('invoice-text.pdf', textPdf([page]), { text: textOf(page), kind: 'invoice', findings: [] })

  const wrong = invoicePage({ ...invoice, number: 'HL-20418', total: 131880, iban: 'DE89 3704 0044 0532 0130 01' })
  sample('invoice-wrong-total.pdf', textPdf([wrong]), {
    text: textOf(wrong),
    kind: 'invoice',
    findings: ['total-mismatch', 'iban-checksum'],
  })

  const incomplete = invoicePage({ ...invoice, number: 'HL-20419', issued: '2024-02-30', iban: undefined })
  sample('invoice-incomplete.pdf', textPdf([incomplete]), {
    text: textOf(incomplete),
    kind: 'invoice',
    findings: ['missing-field', 'invalid-date'],
  })

  const reversed = certificatePage({
    issuer: 'Fairweather Measuring Institute',
    number: 'FMI-88260',
    issued: '2024-05-06',
    until: '2023-05-06',
    instrument: 'Torque wrench, model TW 25',
    paragraphs: ['Every reading lay within the limits that the maker has published for this model.'],
  })
  sample('certificate-dates-reversed.pdf', textPdf([reversed]), {
    text: textOf(reversed),
    kind: 'certificate',
    findings: ['dates-out-of-order'],
  })
}

async function makeScans(): Promise<void> {
  const page = invoicePage(scanned)
  const text = textOf(page)
  const clean = await scan(page, 0)
  const jpeg = await image(await scan(page, 3))
    .greyscale()
    .jpeg({ quality: 75 })
    .toBuffer()
  sample('invoice-scanned.pdf', scannedPdf(jpeg, clean.width, clean.height), {
    text,
    kind: 'invoice',
    scan: 'clean',
    findings: [],
  })
  sample('scan-clean-invoice.png', await png(clean), { text, kind: 'invoice', scan: 'clean', findings: [] })

  const words = textOf(certificate)
  const truth = { text: words, kind: 'certificate', findings: [] } as const
  const paper = await scan(certificate, 0)
  sample('scan-clean-certificate.png', await png(paper), { ...truth, scan: 'clean' })
  const noisy = image(await scan(certificate, 26, 0.03)).greyscale()
  sample('scan-noisy-certificate.jpg', await noisy.jpeg({ quality: 45 }).toBuffer(), { ...truth, scan: 'noisy' })
  const turned = async (degrees: number): Promise<Pixels> =>
    decode(await image(paper).rotate(degrees, { background: '#fdfdfb' }).png().toBuffer())
  sample('scan-rotated-90.png', await png(await turned(90)), { ...truth, scan: 'rotated' })
  sample('scan-rotated-180.png', await png(await turned(180)), { ...truth, scan: 'rotated' })
  sample('scan-skewed.png', await png(await turned(-4)), { ...truth, scan: 'rotated' })
  sample('scan-low-resolution.png', await png(await scan(certificate, 0, 0, 44)), {
    findings: ['low-resolution', 'hard-to-read'],
  })
}

async function makePhotos(): Promise<void> {
  for (const subject of SUBJECTS.slice(0, 3)) {
    const photo = await save(await photograph(subject), subject.quality)
    sample(`photo-${slug(subject)}.jpg`, photo, { tampered: false, findings: [] })
  }
  const forgeries = [retype, splice, retouch]
  for (const [index, subject] of SUBJECTS.slice(3).entries()) {
    const photo = await decode(await save(await photograph(subject), subject.quality))
    await forgeries[index]?.(photo)
    sample(`photo-tampered-${slug(subject)}.jpg`, await save(photo, 95), { tampered: true, findings: ['tampered'] })
  }
}

const SUBJECTS: readonly PhotoSubject[] = [
  {
    seed: 11,
    title: 'VISITOR PASS 0417',
    lines: ['Gate 4, hall B', 'Valid 2024-05-12', 'Return after use'],
    desk: [150, 105, 70],
    card: '#efe9d8',
    tilt: 0.03,
    quality: 88,
  },
  {
    seed: 12,
    title: 'PARCEL 77-3120',
    lines: ['From depot north', 'Weight 4.20 kg', 'Keep dry'],
    desk: [95, 100, 108],
    card: '#f3f4f6',
    tilt: -0.02,
    quality: 92,
  },
  {
    seed: 13,
    title: 'PARKING PERMIT',
    lines: ['Zone 3, level 2', 'Valid 2024-11-30', 'Show behind the screen'],
    desk: [120, 140, 110],
    card: '#e4edf5',
    tilt: 0.05,
    quality: 82,
  },
  {
    seed: 14,
    title: 'VISITOR PASS 0533',
    lines: ['Gate 1, hall D', 'Valid 2024-05-19', 'Return after use'],
    desk: [150, 105, 70],
    card: '#efe9d8',
    tilt: -0.04,
    quality: 88,
  },
  {
    seed: 15,
    title: 'PARCEL 77-3498',
    lines: ['From depot south', 'Weight 9.75 kg', 'Keep dry'],
    desk: [95, 100, 108],
    card: '#f3f4f6',
    tilt: 0.02,
    quality: 86,
  },
  {
    seed: 16,
    title: 'PARKING PERMIT',
    lines: ['Zone 1, level 5', 'Valid 2024-12-31', 'Show behind the screen'],
    desk: [120, 140, 110],
    card: '#e4edf5',
    tilt: -0.03,
    quality: 84,
  },
]

function slug({ title }: PhotoSubject): string {
  return title
    .toLowerCase()
    .replace(/[^a-z]+/g, '-')
    .replace(/-$/, '')
}

/** A new date typed over the old one. */
async function retype(photo: Pixels): Promise<void> {
  const at: Region = { x: 150, y: 308, width: 330, height: 52 }
  const paper = (at.y * photo.width + at.x + at.width) * 3
  const canvas = createCanvas(at.width, at.height)
  const context = canvas.getContext('2d')
  context.fillStyle = `rgb(${photo.data.slice(paper, paper + 3).join(', ')})`
  context.fillRect(0, 0, at.width, at.height)
  context.fillStyle = '#1c1f24'
  context.font = font(32)
  context.fillText('Valid 2031-12-31', 6, 38)
  paste(photo, await decode(canvas.toBuffer('image/png')), at.x, at.y)
}

/** A weight cut from a photo of another parcel, which had been saved at a lower quality. */
async function splice(photo: Pixels): Promise<void> {
  const other = await photograph({
    ...SUBJECTS[4]!,
    seed: 95,
    lines: ['From depot south', 'Weight 1.10 kg', 'Keep dry'],
  })
  const at: Region = { x: 150, y: 300, width: 330, height: 64 }
  paste(photo, await crop(await decode(await save(other, 60)), at), at.x, at.y)
}

/** A line wiped away with a soft brush, and grain put back so that nobody sees it. */
async function retouch(photo: Pixels): Promise<void> {
  const at: Region = { x: 130, y: 294, width: 370, height: 156 }
  const wiped = await decode(
    await image(await crop(photo, at))
      .blur(6)
      .png()
      .toBuffer(),
  )
  addNoise(wiped, seededRandom(42), 2.6)
  paste(photo, wiped, at.x, at.y)
}

async function makeBadFiles(): Promise<void> {
  const photo = await save(await photograph({ ...SUBJECTS[0]!, seed: 21 }), 80)
  sample('bad-truncated.jpg', photo.subarray(0, Math.floor(photo.length * 0.6)), { findings: ['truncated'] })
  const pdf = textPdf([invoicePage({ ...invoice, number: 'HL-20420' })])
  sample('bad-truncated.pdf', pdf.subarray(0, Math.floor(pdf.length * 0.7)), { findings: ['truncated'] })

  const page = invoicePage({ ...scanned, number: 'CK-5590' })
  const whole = await png(await scan(page, 0))
  sample('bad-mislabelled.pdf', whole, {
    text: textOf(page),
    kind: 'invoice',
    scan: 'clean',
    findings: ['mislabelled'],
  })
  const damaged = Buffer.from(whole)
  damaged.fill(0, Math.floor(damaged.length * 0.4), Math.floor(damaged.length * 0.5))
  sample('bad-damaged.png', damaged, { findings: ['unreadable'] })

  sample('bad-empty.png', Buffer.alloc(0), { findings: ['empty'] })
  sample('bad-unknown.pdf', Buffer.from('This is a letter, not a PDF.\n'), { findings: ['unknown-type'] })
  sample('blank-page.png', await png(await scan({ lines: [], rules: [] }, 0)), { findings: ['no-text'] })
}

mkdirSync(folder, { recursive: true })
await makeTextPdfs()
await makeScans()
await makePhotos()
await makeBadFiles()
writeFileSync(new URL('expected.json', folder), JSON.stringify(expected, null, 2) + '\n')
console.log(`${Object.keys(expected).length} samples`)
