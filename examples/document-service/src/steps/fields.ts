/**
 * Finds labelled fields, dates, amounts and account numbers in the text of a form, whether it was typed or read by OCR.
 */
export type Fields = ReadonlyMap<string, string>

/** "Label: value" lines, by label in lower case; a label met again keeps its first value. */
export function fieldsOf(text: string): Fields {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z][A-Za-z ]{1,30}?)(?:\s+\d+\s*%)?\s*:\s*(\S.*?)\s*$/.exec(line)
    const label = match?.[1]?.toLowerCase()
    const value = match?.[2]
    if (label !== undefined && value !== undefined && !fields.has(label)) fields.set(label, value)
  }
  return fields
}

/** The day as `YYYY-MM-DD`, if the text is one and the calendar has it. */
export function dateIn(text: string): string | undefined {
  const day = /\d{4}-\d{2}-\d{2}/.exec(text)?.[0]
  if (day === undefined) return undefined
  const time = new Date(`${day}T00:00:00Z`)
  // JavaScript takes the 30th of February for the 1st of March.
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day) ? day : undefined
}

/** An amount with two decimals, in cents: whole numbers add up exactly. */
export function centsIn(text: string | undefined): number | undefined {
  const match = /(\d{1,3}(?:,\d{3})+|\d+)\.(\d{2})(?!\d)/.exec(text ?? '')
  return match === null ? undefined : Number((match[1] ?? '').replaceAll(',', '')) * 100 + Number(match[2])
}

export interface Item {
  readonly quantity: number
  /** Cents. */
  readonly price: number
  readonly amount: number
}

/** Lines that end in quantity, unit price and amount. */
export function itemsOf(text: string): Item[] {
  const items: Item[] = []
  for (const line of text.split('\n')) {
    const match = /\s(\d{1,4})\s+([\d,]+\.\d{2})\s+([\d,]+\.\d{2})\s*$/.exec(line)
    const price = centsIn(match?.[2])
    const amount = centsIn(match?.[3])
    if (price !== undefined && amount !== undefined) items.push({ quantity: Number(match?.[1]), price, amount })
  }
  return items
}

/** Country, check digits, account, and a remainder of 1 after division by 97 (ISO 13616). */
export function isIban(text: string): boolean {
  const iban = text.replace(/\s/g, '').toUpperCase()
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(iban)) return false
  const digits = (iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))
  return BigInt(digits) % 97n === 1n
}
