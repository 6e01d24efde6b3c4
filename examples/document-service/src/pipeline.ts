/**
 * The pipeline, and all there is to say about caching it: each step is an ordinary function from `steps/`, made cached
 * once, here. Nothing in `steps/` knows of a cache.
 *
 * - `key`: the hash of the bytes. The same bytes are worked on once, whatever the file is called and whoever sends it.
 *   A step may therefore depend on nothing but the bytes and on what other steps made of them.
 * - `operation`: names the step in the statistics and picks its `CACHE_TTL_<OPERATION>`.
 * - `tags`: everything derived from a document carries its tag, so `forget` drops it all in one call.
 */
import { createHash } from 'node:crypto'
import { cached, CacheKeyGenerator, cacheManager, type Invalidation } from '@speedrun/cache'
import { contentOf, isMislabelled, type Content, type ContentType } from './document.ts'
import { finding, type Finding } from './finding.ts'
import { hasText, parseText } from './steps/parse-text.ts'
import { readScan } from './steps/read-scan.ts'
import { scoreRisk, type Evidence, type RiskScore } from './steps/risk-score.ts'
import { analyseTampering, SUSPICIOUS, type TamperingAnalysis } from './steps/tampering.ts'
import { validateContent, type DocumentKind, type ReadText } from './steps/validate-content.ts'
import { isFatal, validateFormat } from './steps/validate-format.ts'

const tags = (_result: unknown, { hash }: Content): readonly string[] => [tagOf(hash)]

export const steps = {
  validateFormat: cached(validateFormat, {
    key: ({ hash }) => CacheKeyGenerator.validation(hash, 'format'),
    operation: 'validation',
    tags,
  }),

  parseText: cached(parseText, {
    key: ({ hash }) => CacheKeyGenerator.documentParse(hash),
    operation: 'document_parsing',
    tags,
  }),

  readScan: cached(readScan, {
    key: ({ hash }) => CacheKeyGenerator.ocrExtract(hash),
    operation: 'ocr',
    tags,
  }),

  analyseTampering: cached(analyseTampering, {
    key: ({ hash }) => CacheKeyGenerator.imageAnalysis(hash, 'tampering'),
    operation: 'image_analysis',
    tags,
  }),

  validateContent: cached((_content: Content, text: ReadText) => validateContent(text), {
    key: ({ hash }) => CacheKeyGenerator.validation(hash, 'content'),
    operation: 'validation',
    tags,
  }),

  /** Its findings are part of its key: a score is never older than what it was derived from. */
  scoreRisk: cached((_content: Content, evidence: Evidence) => scoreRisk(evidence), {
    key: ({ hash }, evidence) => CacheKeyGenerator.riskScore('DOCUMENT', `${hash}:${digest(evidence)}`),
    operation: 'risk_score',
    tags,
  }),
}

export interface Report {
  readonly hash: string
  readonly name: string
  readonly type: ContentType
  readonly pages: number
  readonly kind: DocumentKind
  readonly fields: Readonly<Record<string, string>>
  readonly text: string
  /** Of the OCR engine, 0 to 100; `null` when the text was typed. */
  readonly confidence: number | null
  /** Of JPEGs; `null` for all else. */
  readonly tampering: TamperingAnalysis | null
  readonly findings: readonly Finding[]
  readonly risk: RiskScore
}

/** A file that no step can work on. Says why. */
export class RejectedDocument extends Error {
  override readonly name = 'RejectedDocument'
  readonly hash: string
  readonly findings: readonly Finding[]

  constructor(hash: string, findings: readonly Finding[]) {
    super(findings.map(({ code, message }) => `${code}: ${message}`).join('; '))
    this.hash = hash
    this.findings = findings
  }
}

/** @throws {RejectedDocument} for a file that cannot be worked on. */
export async function examine(name: string, bytes: Uint8Array): Promise<Report> {
  const content = contentOf(bytes)
  const format = await steps.validateFormat(content)
  if (format.findings.some(isFatal)) throw new RejectedDocument(content.hash, format.findings)

  const text = await textOf(content)
  const tampering = content.type === 'jpeg' ? await steps.analyseTampering(content) : null
  const said = await steps.validateContent(content, text)
  const findings = [
    ...format.findings,
    ...labelFindings(name, content),
    ...said.findings,
    ...tamperingFindings(tampering),
  ]
  const risk = await steps.scoreRisk(content, { findings, tampering: tampering?.score ?? null })
  const { hash, type } = content
  const { kind, fields } = said
  return { hash, name, type, pages: format.pages, kind, fields, ...text, tampering, findings, risk }
}

/** Makes everything derived from the document void, here and in every other process. */
export async function forget(hash: string): Promise<Invalidation> {
  return cacheManager.invalidateTags([tagOf(hash)])
}

export function tagOf(hash: string): string {
  return `document:${hash}`
}

async function textOf(content: Content): Promise<ReadText> {
  if (content.type === 'pdf') {
    const parsed = await steps.parseText(content)
    if (hasText(parsed)) return { text: parsed.pages.join('\n\n'), confidence: null }
  }
  const { pages } = await steps.readScan(content)
  const text = pages.map((page) => page.text).join('\n\n')
  return { text, confidence: Math.min(...pages.map((page) => page.confidence)) }
}

/** Not a cached step: the name is not part of the bytes, so its finding must not be kept under their hash. */
function labelFindings(name: string, { type }: Content): Finding[] {
  return isMislabelled(name, type) ? [finding('mislabelled', `${name} is a ${type}`)] : []
}

function tamperingFindings(tampering: TamperingAnalysis | null): Finding[] {
  if (tampering === null || tampering.score < SUSPICIOUS || tampering.region === null) return []
  const { x, y, width, height } = tampering.region
  return [
    finding('tampered', `another history in ${width} x ${height} pixels at ${x}, ${y} (score ${tampering.score})`),
  ]
}

function digest(evidence: Evidence): string {
  return createHash('sha256').update(JSON.stringify(evidence)).digest('hex').slice(0, 16)
}
