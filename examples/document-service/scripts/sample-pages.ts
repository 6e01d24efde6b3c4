/**
 * What the sample documents say. All companies, numbers and accounts are invented; the accounts are the textbook examples
 * of their countries.
 */
import type { Line, Page } from './page.ts'

export interface Invoice {
  readonly seller: string
  readonly number: string
  readonly issued: string
  readonly due: string
  readonly items: ReadonlyArray<readonly [name: string, quantity: number, price: number]>
  /** What to print in place of the right total. */
  readonly total?: number
  /** Left out when `undefined` is given explicitly. */
  readonly iban: string | undefined
}

export interface Certificate {
  readonly issuer: string
  readonly number: string
  readonly issued: string
  readonly until: string
  readonly instrument: string
  readonly paragraphs: readonly string[]
}

const MARGIN = 60

export function invoicePage(invoice: Invoice): Page {
  const lines: Line[] = [single(80, 24, true, 'INVOICE'), single(108, 13, true, invoice.seller)]
  const head = [
    `Invoice number: ${invoice.number}`,
    `Issue date: ${invoice.issued}`,
    `Due date: ${invoice.due}`,
    'Delivered to: Granite Street Workshop, unit 12',
  ]
  head.forEach((text, index) => lines.push(single(150 + index * 20, 12, false, text)))
  lines.push(row(262, true, 'Description', 'Quantity', 'Price', 'Amount'))
  invoice.items.forEach(([name, quantity, price], index) =>
    lines.push(row(292 + index * 22, false, name, String(quantity), money(price), money(quantity * price))),
  )
  const below = 292 + invoice.items.length * 22 + 30
  const subtotal = invoice.items.reduce((sum, [, quantity, price]) => sum + quantity * price, 0)
  const vat = Math.round(subtotal * 0.2)
  const foot = [
    `Subtotal: ${money(subtotal)}`,
    `VAT 20%: ${money(vat)}`,
    `Total: EUR ${money(invoice.total ?? subtotal + vat)}`,
    ...(invoice.iban === undefined ? [] : [`IBAN: ${invoice.iban}`]),
  ]
  foot.forEach((text, index) => lines.push(single(below + index * 22, 12, text.startsWith('Total'), text)))
  const closing = [
    'Please pay within the term stated above and quote the invoice number.',
    'Goods remain the property of the seller until they are paid in full.',
  ]
  closing.forEach((text, index) => lines.push(single(below + 130 + index * 18, 11, false, text)))
  return { lines, rules: [126, 270, below - 22] }
}

export function certificatePage(certificate: Certificate): Page {
  const lines: Line[] = [
    single(90, 22, true, 'CERTIFICATE OF CALIBRATION'),
    single(118, 13, true, certificate.issuer),
    ...[
      `Certificate number: ${certificate.number}`,
      `Issued on: ${certificate.issued}`,
      `Valid until: ${certificate.until}`,
      `Instrument: ${certificate.instrument}`,
    ].map((text, index) => single(170 + index * 22, 12, false, text)),
  ]
  let y = 290
  for (const paragraph of certificate.paragraphs) {
    for (const text of wrap(paragraph, 74)) {
      lines.push(single(y, 12, false, text))
      y += 20
    }
    y += 16
  }
  return { lines, rules: [136, 256] }
}

function single(y: number, size: number, bold: boolean, text: string): Line {
  return { y, size, bold, cells: [{ x: MARGIN, text }] }
}

function row(y: number, bold: boolean, ...texts: readonly string[]): Line {
  const places = [MARGIN, 310, 390, 470]
  return { y, size: 12, bold, cells: texts.map((text, index) => ({ x: places[index] ?? MARGIN, text })) }
}

/** Cents as `1,234.50`. */
function money(cents: number): string {
  return (cents / 100).toFixed(2).replace(/\B(?=(\d{3})+\.)/g, ',')
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
