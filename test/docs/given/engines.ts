// Stands for what the reader's own application has that is worth caching: engines that take seconds and cost money. A test says how they
// behave, and sees what was really run.

export interface Scan {
  readonly hash: string
  readonly text: string
  readonly legible: boolean
}

export interface Pdf {
  readonly hash: string
  readonly pages: number
}

export interface Risk {
  readonly documentId: string
  readonly score: number
}

export interface Extract {
  readonly companyId: string
  readonly etag: string
}

/** What was run, in order: `read abc`, `score 7`, ... A cached call that hits leaves nothing here. */
export const ran: string[] = []

export const engines = {
  legible: true,
  score: 0.2,
  etag: 'v1',
  /** Before an engine answers: a test holds it there, or lets it fail. */
  before: async (_what: string, _signal?: AbortSignal): Promise<void> => {},
}

async function run(what: string, signal?: AbortSignal): Promise<void> {
  ran.push(what)
  await engines.before(what, signal)
}

export async function readText(scanHash: string, signal?: AbortSignal): Promise<Scan> {
  await run(`read ${scanHash}`, signal)
  return { hash: scanHash, text: `text of ${scanHash}`, legible: engines.legible }
}

export async function parsePdf(
  fileHash: string,
  options?: { readonly pages?: number; readonly signal?: AbortSignal },
): Promise<Pdf> {
  await run(`parse ${fileHash}`, options?.signal)
  return { hash: fileHash, pages: options?.pages ?? 12 }
}

export async function scoreRisk(documentId: string): Promise<Risk> {
  await run(`score ${documentId}`)
  return { documentId, score: engines.score }
}

/** Answers `unchanged` to who knows the present version. */
export async function askRegistry(companyId: string, knownEtag?: string): Promise<Extract | 'unchanged'> {
  await run(`ask ${companyId}${knownEtag === undefined ? '' : ` since ${knownEtag}`}`)
  return knownEtag === engines.etag ? 'unchanged' : { companyId, etag: engines.etag }
}
