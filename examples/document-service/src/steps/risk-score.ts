/**
 * One number from what all other steps found: 0 nothing speaks against the document, 100 do not accept it.
 * Each finding adds its weight; the reasons say which did.
 */
import type { Finding, FindingCode } from '../finding.ts'

export interface Evidence {
  readonly findings: readonly Finding[]
  /** 0 to 1; `null` when the document is no JPEG. */
  readonly tampering: number | null
}

export interface RiskScore {
  readonly score: number
  readonly reasons: ReadonlyArray<{ readonly code: FindingCode | 'error-levels'; readonly points: number }>
}

const POINTS: Readonly<Record<FindingCode, number>> = {
  empty: 100,
  'unknown-type': 100,
  truncated: 100,
  unreadable: 100,
  'too-many-pages': 100,
  mislabelled: 25,
  'low-resolution': 10,
  'no-text': 30,
  'hard-to-read': 15,
  'missing-field': 15,
  'invalid-date': 30,
  'dates-out-of-order': 25,
  'total-mismatch': 35,
  'iban-checksum': 40,
  tampered: 50,
}

/** What the error levels weigh below the threshold of a finding: a picture a little odd is a little risky. */
const ERROR_LEVEL_POINTS = 20

export async function scoreRisk(evidence: Evidence): Promise<RiskScore> {
  const reasons: Array<RiskScore['reasons'][number]> = evidence.findings.map(({ code }) => ({
    code,
    points: POINTS[code],
  }))
  const oddity = Math.round((evidence.tampering ?? 0) * ERROR_LEVEL_POINTS)
  if (oddity > 0) reasons.push({ code: 'error-levels', points: oddity })
  return {
    score: Math.min(
      100,
      reasons.reduce((sum, { points }) => sum + points, 0),
    ),
    reasons,
  }
}
