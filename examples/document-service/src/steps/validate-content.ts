/**
 * Does what the document says hold together? Recognises invoices and certificates by their title and checks the fields
 * they must have, their dates, their sums and the check digits of the bank account. Other documents have no rules.
 *
 * Only the text decides, never today's date: the answer is cached and has to stay true.
 */
import { finding, type Finding } from '../finding.ts'
import { centsIn, dateIn, fieldsOf, isIban, itemsOf, type Fields } from './fields.ts'

export type DocumentKind = 'invoice' | 'certificate' | 'other'

export interface ContentReport {
  readonly kind: DocumentKind
  /** The required fields that were found, as written. */
  readonly fields: Readonly<Record<string, string>>
  readonly findings: readonly Finding[]
}

export interface ReadText {
  readonly text: string
  /** Of the OCR engine, 0 to 100; `null` when the text was typed. */
  readonly confidence: number | null
}

const READABLE = 60

export async function validateContent({ text, confidence }: ReadText): Promise<ContentReport> {
  const kind = kindOf(text)
  const fields = fieldsOf(text)
  const required = REQUIRED[kind]
  const known = required.flatMap((name) => (fields.has(name) ? [[name, fields.get(name) ?? ''] as const] : []))
  return { kind, fields: Object.fromEntries(known), findings: findingsOf() }

  function findingsOf(): Finding[] {
    if (!/\w{2}/.test(text)) return [finding('no-text', 'no words were found')]
    // What a bad reading lacks says nothing about what the document lacks.
    if (confidence !== null && confidence < READABLE) {
      return [
        finding('hard-to-read', `the reading is trusted to ${confidence} %, ${READABLE} % are needed to judge it`),
      ]
    }
    return [
      ...required
        .filter((name) => !fields.has(name))
        .map((name) => finding('missing-field', `the ${kind} has no "${name}"`)),
      ...datesOf(fields, kind),
      ...(kind === 'invoice' ? [...sumsOf(fields, text), ...accountOf(fields)] : []),
    ]
  }
}

const REQUIRED: Readonly<Record<DocumentKind, readonly string[]>> = {
  invoice: ['invoice number', 'issue date', 'due date', 'total', 'iban'],
  certificate: ['certificate number', 'issued on', 'valid until', 'instrument'],
  other: [],
}

/** First date, then the one that must not lie before it. */
const DATES: Readonly<Record<DocumentKind, readonly string[]>> = {
  invoice: ['issue date', 'due date'],
  certificate: ['issued on', 'valid until'],
  other: [],
}

function kindOf(text: string): DocumentKind {
  if (/^\s*invoice\b/im.test(text)) return 'invoice'
  return /^\s*certificate\b/im.test(text) ? 'certificate' : 'other'
}

function datesOf(fields: Fields, kind: DocumentKind): Finding[] {
  const findings: Finding[] = []
  const days: string[] = []
  for (const name of DATES[kind]) {
    const written = fields.get(name)
    if (written === undefined) continue
    const day = dateIn(written)
    if (day === undefined) findings.push(finding('invalid-date', `"${name}" is no date of the calendar: ${written}`))
    else days.push(day)
  }
  const [first, second] = days
  if (first !== undefined && second !== undefined && second < first) {
    findings.push(finding('dates-out-of-order', `"${DATES[kind][1] ?? ''}" ${second} lies before ${first}`))
  }
  return findings
}

function sumsOf(fields: Fields, text: string): Finding[] {
  const findings: Finding[] = []
  const subtotal = centsIn(fields.get('subtotal'))
  const vat = centsIn(fields.get('vat'))
  const total = centsIn(fields.get('total'))
  const items = itemsOf(text)
  const lines = items.reduce((sum, item) => sum + item.amount, 0)
  for (const item of items) {
    if (item.quantity * item.price !== item.amount) {
      findings.push(finding('total-mismatch', `${item.quantity} x ${euros(item.price)} is not ${euros(item.amount)}`))
    }
  }
  if (items.length > 0 && subtotal !== undefined && lines !== subtotal) {
    findings.push(
      finding('total-mismatch', `the lines add up to ${euros(lines)}, the subtotal says ${euros(subtotal)}`),
    )
  }
  if (subtotal !== undefined && vat !== undefined && total !== undefined && subtotal + vat !== total) {
    findings.push(
      finding('total-mismatch', `subtotal and VAT are ${euros(subtotal + vat)}, the total says ${euros(total)}`),
    )
  }
  return findings
}

function accountOf(fields: Fields): Finding[] {
  const iban = fields.get('iban')
  return iban === undefined || isIban(iban) ? [] : [finding('iban-checksum', `the check digits of ${iban} do not fit`)]
}

function euros(cents: number): string {
  return (cents / 100).toFixed(2)
}
