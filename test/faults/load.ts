// Clients of the document service that send without pause, as many at once as there are connections, and judge every
// answer. A client reacts as a real one would: a report that is not there (a cache may lose it) is no failure, the
// document is uploaded again.
//
// A request has failed when its connection does, when the status is not one that the service promises for it, when the
// answer is another one than that to the first upload, when a report is answered after its deletion was, and when it
// took more than ten seconds.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientDocument } from './documents.ts'
import { makeDocuments } from './documents.ts'
import type { Answer } from './http-client.ts'
import { openHttpClient } from './http-client.ts'
import { seeded } from '../soak/random.ts'
import { until } from '../support/gate.ts'

/** What was asked for while one thing went on, by when it was sent. */
export class Phase {
  readonly name: string
  readonly isOutage: boolean
  /** Milliseconds, of every request that was answered. */
  readonly latencies: number[] = []
  /**
   * How often each answer came: `GET found`, `GET deleted`, `GET lost`, `POST`, `DELETE applied`, `health degraded`.
   * And `left deleted`: without Redis, so that the report is still in it.
   */
  readonly answers: Map<string, number> = new Map()
  failed = 0
  seconds = 0

  constructor(name: string, isOutage: boolean) {
    this.name = name
    this.isOutage = isOutage
  }

  count(answer: string): number {
    return this.answers.get(answer) ?? 0
  }

  note(answer: string): void {
    this.answers.set(answer, this.count(answer) + 1)
  }
}

export interface LoadOptions {
  readonly url: string
  readonly connections: number
  /** Read and uploaded by all. */
  readonly sharedDocuments: number
  /** Connections with a document that only they delete and upload; all read it. */
  readonly owners: number
}

export interface PhaseOptions {
  readonly name: string
  readonly seconds: number
  /** Redis is away. Default: `false`. */
  readonly isOutage?: boolean
  readonly seen: (phase: Phase) => boolean
}

export interface Load {
  readonly phases: readonly Phase[]
  /** The first hundred, each a sentence. */
  readonly failures: readonly string[]
  /**
   * Begins a phase and lets it go on for `seconds`, and until `seen` holds of its answers: a fault that nobody noticed
   * proves nothing, and a slow machine takes longer to notice.
   */
  during(what: PhaseOptions): Promise<void>
  /** Lets the connections finish what they are at, and keeps them open. */
  stop(): Promise<void>
  /** Closes the connections, whatever they are at. */
  close(): void
}

const slowestMs = 10_000
/** Between an owner's deletions, so that most of the time there is something to delete. */
const readsWhileThere = 30
const readsAfterDeletion = 8

/** Uploads every document once, one after the other, then opens all connections. */
export async function startLoad({ url, connections, sharedDocuments, owners }: LoadOptions): Promise<Load> {
  const client = openHttpClient(url, connections)
  const documents = await makeDocuments(sharedDocuments + owners)
  const shared = documents.slice(0, sharedDocuments)
  const phases: Phase[] = []
  const failures: string[] = []
  let phase = new Phase('before', false)
  let stopping = false

  for (const document of documents) {
    const { status, text } = await client.send('POST', uploadPath(document), document.bytes)
    if (status !== 201) throw new Error(`The first upload of ${document.name} was answered with ${status}: ${text}`)
    document.report = text
    document.uploaded = true
  }

  /** @param judge names the answer, or says what is wrong with it */
  async function ask(
    method: string,
    path: string,
    judge: (answer: Answer) => string | Error,
    body?: Buffer,
  ): Promise<Answer | undefined> {
    const own = phase
    let problem: string | undefined
    let answer: Answer | undefined
    try {
      answer = await client.send(method, path, body)
      own.latencies.push(answer.ms)
      const judged = judge(answer)
      if (judged instanceof Error) problem = judged.message
      else own.note(judged)
      if (answer.ms - answer.heldUpMs > slowestMs) problem ??= `it took ${Math.round(answer.ms)} ms`
    } catch (error) {
      problem = String(error)
    }
    if (problem !== undefined) {
      own.failed++
      if (failures.length < 100) failures.push(`${own.name}: ${method} ${path}: ${problem}`)
    }
    return answer
  }

  async function upload(document: ClientDocument): Promise<void> {
    document.deleted = false
    document.uploads++
    const { deletions } = document
    const judge = ({ status, text }: Answer): string | Error => {
      if (status !== 201) return new Error(`${status} ${text}`)
      return text === document.report ? 'POST' : new Error(`another report: ${text}`)
    }
    await ask('POST', uploadPath(document), judge, document.bytes)
    document.uploaded = document.deletions === deletions
  }

  /** @returns whether there was a report */
  async function read(document: ClientDocument): Promise<boolean> {
    const { deleted, uploads, uploaded, deletions } = document
    const judge = ({ status, text }: Answer): string | Error => {
      if (status === 404) return uploaded && document.deletions === deletions ? 'GET lost' : 'GET deleted'
      if (status !== 200) return new Error(`${status} ${text}`)
      // Only when nothing was uploaded from before the request until after its answer is it sure that there is nothing
      // to be had.
      if (deleted && document.uploads === uploads) return new Error('the report of a deleted document')
      return text === document.report ? 'GET found' : new Error(`another report: ${text}`)
    }
    return (await ask('GET', `/documents/${document.hash}`, judge))?.status === 200
  }

  /** @returns whether Redis has not heard of it yet */
  async function remove(document: ClientDocument): Promise<boolean> {
    document.uploaded = false
    document.deletions++
    const judge = ({ status, text }: Answer): string | Error => {
      const { invalidation } = status === 200 ? (JSON.parse(text) as { invalidation?: string }) : {}
      if (invalidation !== 'applied' && invalidation !== 'journaled') return new Error(`${status} ${text}`)
      document.deleted = true
      journaled = invalidation === 'journaled'
      return `DELETE ${invalidation}`
    }
    let journaled = false
    await ask('DELETE', `/documents/${document.hash}`, judge)
    return journaled
  }

  async function askHealth(): Promise<void> {
    const judge = ({ status, text }: Answer): string | Error =>
      status === 200 ? `health ${(JSON.parse(text) as { status: string }).status}` : new Error(`${status} ${text}`)
    await ask('GET', '/health', judge)
  }

  /**
   * Nobody else deletes or uploads its document, so that it knows what may be answered.
   * @param patient uploads again only what it has deleted itself, and without Redis not before the return: then Redis
   * still has the report, and must not bring it back
   */
  async function owner(document: ClientDocument, patient: boolean): Promise<void> {
    while (!stopping) {
      for (let left = readsWhileThere; left > 0 && !stopping; left--) {
        if (!(await read(document)) && !patient) await upload(document)
      }
      const own = phase
      if ((await remove(document)) && patient && own.isOutage) {
        own.note('left deleted')
        while (!stopping && (phase.isOutage || phase.count('health connected') === 0)) await read(document)
      }
      for (let left = readsAfterDeletion; left > 0 && !stopping; left--) await read(document)
      await upload(document)
    }
  }

  async function reader(serial: number): Promise<void> {
    const random = seeded(serial)
    while (!stopping) {
      const document = documents[random.below(documents.length)]
      const what = random.next()
      if (document === undefined || what < 0.01) {
        await askHealth()
      } else if (what < 0.03) {
        await upload(shared[random.below(shared.length)] ?? document)
      } else if (!(await read(document)) && shared.includes(document)) {
        await upload(document)
      }
    }
  }

  const running = Promise.all(
    Array.from({ length: connections }, (_, serial) => {
      const own = documents[sharedDocuments + serial]
      return own === undefined ? reader(serial) : owner(own, serial % 2 === 0)
    }),
  )
  // A bug of the load itself: `stop` reports it, and until then it is not unhandled.
  running.catch(() => {})

  return {
    phases,
    failures,
    async during({ name, seconds, isOutage = false, seen }) {
      const own = new Phase(name, isOutage)
      phases.push(own)
      phase = own
      const started = performance.now()
      await sleep(seconds * 1000)
      await until(`${name}: what is to be seen`, () => failures.length > 0 || seen(own), 300_000)
      own.seconds = (performance.now() - started) / 1000
    },
    async stop() {
      stopping = true
      await running
    },
    close() {
      stopping = true
      client.close()
    },
  }
}

function uploadPath({ name }: ClientDocument): string {
  return `/documents?name=${name}`
}
