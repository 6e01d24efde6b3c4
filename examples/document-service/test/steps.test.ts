/**
 * The steps alone, without a cache, where a rule needs more cases than there are sample files.
 */
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { textPdf } from '../scripts/write-pdf.ts'
import { contentOf, isMislabelled } from '../src/document.ts'
import { finding, type Finding } from '../src/finding.ts'
import { readSample } from '../src/samples.ts'
import { centsIn, dateIn, fieldsOf, isIban, itemsOf } from '../src/steps/fields.ts'
import { orientationOf } from '../src/steps/orientation.ts'
import { grey } from '../src/steps/page-images.ts'
import { scoreRisk } from '../src/steps/risk-score.ts'
import { validateContent } from '../src/steps/validate-content.ts'
import { isFatal, MAX_PAGES, validateFormat } from '../src/steps/validate-format.ts'

const codesOf = (findings: readonly Finding[]): string[] => findings.map(({ code }) => code)
const typed = async (text: string): Promise<string[]> =>
  codesOf((await validateContent({ text, confidence: null })).findings)

describe('format', () => {
  test('the type comes from the bytes, whatever the name says', async () => {
    const { bytes } = await readSample('bad-mislabelled.pdf')
    expect(contentOf(bytes).type).toBe('png')
    expect(isMislabelled('scan.pdf', 'png')).toBe(true)
    expect(isMislabelled('scan.PNG', 'png')).toBe(false)
    expect(isMislabelled('scan.jpeg', 'jpeg')).toBe(false)
    expect(isMislabelled('scan', 'png')).toBe(false)
  })

  test('a PDF with more pages than are read is refused', async () => {
    const page = { lines: [], rules: [] }
    const allowed = await validateFormat(contentOf(textPdf(Array.from({ length: MAX_PAGES }, () => page))))
    expect(allowed).toMatchObject({ pages: MAX_PAGES, findings: [] })
    const refused = await validateFormat(contentOf(textPdf(Array.from({ length: MAX_PAGES + 1 }, () => page))))
    expect(codesOf(refused.findings)).toEqual(['too-many-pages'])
    expect(refused.findings.every(isFatal)).toBe(true)
  })

  test('padding after the end is no truncation', async () => {
    const { bytes } = await readSample('photo-parcel.jpg')
    expect((await validateFormat(contentOf(Buffer.concat([bytes, Buffer.alloc(16)])))).findings).toEqual([])
    const cut = bytes.subarray(0, bytes.length - 2)
    expect(codesOf((await validateFormat(contentOf(cut))).findings)).toEqual(['truncated'])
  })
})

describe('content', () => {
  const invoice = (changes: Readonly<Record<string, string>> = {}): string => {
    const fields = {
      'Invoice number': 'A-1',
      'Issue date': '2024-02-29',
      'Due date': '2024-03-29',
      Subtotal: '1,200.00',
      'VAT 20%': '240.00',
      Total: 'EUR 1,440.00',
      IBAN: 'DE89 3704 0044 0532 0130 00',
      ...changes,
    }
    const lines = Object.entries(fields).map(([label, value]) => `${label}: ${value}`)
    return ['INVOICE', 'Crates, large 12 100.00 1,200.00', ...lines].join('\n')
  }

  test('a right invoice has no findings', async () => {
    expect(await typed(invoice())).toEqual([])
  })

  test.each([
    ['an amount that is not quantity times price', invoice().replace('12 100.00', '11 100.00'), ['total-mismatch']],
    ['lines that miss the subtotal', invoice({ Subtotal: '1,300.00', Total: '1,540.00' }), ['total-mismatch']],
    ['a total that is not subtotal and tax', invoice({ Total: 'EUR 1,441.00' }), ['total-mismatch']],
    ['a day the calendar does not have', invoice({ 'Issue date': '2023-02-29' }), ['invalid-date']],
    ['a due date before the issue', invoice({ 'Due date': '2024-02-28' }), ['dates-out-of-order']],
    ['one wrong digit in the account', invoice({ IBAN: 'DE89 3704 0044 0532 0130 01' }), ['iban-checksum']],
    ['two digits of the account swapped', invoice({ IBAN: 'DE89 3704 0044 0523 0130 00' }), ['iban-checksum']],
    ['a missing number', invoice({ 'Invoice number': '' }), ['missing-field']],
    ['a page without words', '  \n - \n', ['no-text']],
  ])('%s is found', async (_what, text, codes) => {
    expect(await typed(text)).toEqual(codes)
  })

  test('what could hardly be read is said to be so and not judged', async () => {
    const { findings } = await validateContent({ text: 'INVOICE\nlnvo1ce nurn8er', confidence: 41 })
    expect(codesOf(findings)).toEqual(['hard-to-read'])
  })

  test('labels, dates, amounts, items and accounts are read as they are written', () => {
    expect([...fieldsOf('Due date:  2024-01-02 \nVAT 20%: 4.00\nno field\nTotal: 1.00\nTotal: 2.00')]).toEqual([
      ['due date', '2024-01-02'],
      ['vat', '4.00'],
      ['total', '1.00'],
    ])
    expect([dateIn('on 2024-12-31.'), dateIn('2024-13-01'), dateIn('tomorrow')]).toEqual([
      '2024-12-31',
      undefined,
      undefined,
    ])
    expect([centsIn('EUR 1,234,567.89'), centsIn('0.10'), centsIn('12'), centsIn(undefined)]).toEqual([
      123456789,
      10,
      undefined,
      undefined,
    ])
    expect(itemsOf('Hire of 8 tables 8 12.00 96.00\nSubtotal: 96.00')).toEqual([
      { quantity: 8, price: 1200, amount: 9600 },
    ])
    expect([isIban('GB82 WEST 1234 5698 7654 32'), isIban('GB82WEST12345698765433'), isIban('82')]).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('orientation', () => {
  test.each([
    [0, false, 0],
    [90, true, 0],
    [180, false, 0],
    [270, true, 0],
    [3, false, 3],
    [-5, false, -5],
  ])('a page turned by %i degrees is seen to be so', async (degrees, sideways, skew) => {
    const { bytes } = await readSample('scan-clean-certificate.png')
    const page = await grey(sharp(bytes).rotate(degrees, { background: '#fff' }))
    expect(await orientationOf(page)).toEqual({ sideways, skew })
  })
})

describe('risk', () => {
  const score = async (findings: readonly Finding[], tampering: number | null = null): Promise<number> =>
    (await scoreRisk({ findings, tampering })).score

  test('it grows with each finding and with the error levels, from 0 to 100', async () => {
    const mislabelled = finding('mislabelled', '')
    const total = finding('total-mismatch', '')
    expect(await score([])).toBe(0)
    expect(await score([total])).toBeGreaterThan(await score([mislabelled]))
    expect(await score([total, mislabelled])).toBeGreaterThan(await score([total]))
    expect(await score([], 0.4)).toBeGreaterThan(await score([], 0.1))
    expect(await score([total, total, total, total])).toBe(100)
  })

  test('the reasons add up to the score', async () => {
    const { score: sum, reasons } = await scoreRisk({ findings: [finding('no-text', '')], tampering: 0.2 })
    expect(reasons.map(({ code }) => code)).toEqual(['no-text', 'error-levels'])
    expect(reasons.reduce((points, reason) => points + reason.points, 0)).toBe(sum)
  })
})
