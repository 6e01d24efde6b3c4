// Many connections to one server, kept open, and how long each answer took.
import { Agent, request as openRequest } from 'node:http'

export interface Answer {
  readonly status: number
  readonly text: string
  /** From the first byte sent to the last one received. */
  readonly ms: number
  /** Of these, those in which this process did not run: a busy machine's fault and not the server's. */
  readonly heldUpMs: number
}

export interface HttpClient {
  /** Rejects when the connection fails, or is silent for a minute. */
  send(method: string, path: string, body?: Buffer): Promise<Answer>
  close(): void
}

/** As many milliseconds a timer is late, this process was held up. */
const tickMs = 50
const longestSilenceMs = 60_000

export function openHttpClient(base: string, connections: number): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  let heldUpMs = 0
  let last = performance.now()
  const ticking = setInterval(() => {
    const now = performance.now()
    heldUpMs += Math.max(0, now - last - tickMs)
    last = now
  }, tickMs)

  const send = (method: string, path: string, body?: Buffer): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const started = performance.now()
      const heldUpBefore = heldUpMs
      const headers = body === undefined ? {} : { 'content-type': 'application/pdf', 'content-length': body.length }
      const sent = openRequest(new URL(path, base), { agent, method, headers }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(parts).toString('utf8'),
            ms: performance.now() - started,
            heldUpMs: heldUpMs - heldUpBefore,
          })
        })
      })
      sent.setTimeout(longestSilenceMs, () => sent.destroy(new Error(`silent for ${longestSilenceMs} ms`)))
      sent.on('error', reject)
      sent.end(body)
    })

  return {
    send,
    close() {
      clearInterval(ticking)
      agent.destroy()
    },
  }
}
