/**
 * A finding is one thing that speaks against a document. The codes are a closed list: the risk score has a weight for
 * each, and the tests want to see each.
 */
export type FindingCode =
  // the file
  | 'empty'
  | 'unknown-type'
  | 'truncated'
  | 'unreadable'
  | 'mislabelled'
  | 'low-resolution'
  | 'too-many-pages'
  // what it says
  | 'no-text'
  | 'hard-to-read'
  | 'missing-field'
  | 'invalid-date'
  | 'dates-out-of-order'
  | 'total-mismatch'
  | 'iban-checksum'
  // how it was made
  | 'tampered'

export interface Finding {
  readonly code: FindingCode
  readonly message: string
}

export function finding(code: FindingCode, message: string): Finding {
  return { code, message }
}
