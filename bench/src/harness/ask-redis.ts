// One inline command to Redis over a socket of its own, so that counting what the store saw needs no client and disturbs
// none of the measured ones. Everything is counted by the server, since its start.
import { connect } from 'node:net'

/** @returns the raw reply. @throws when nobody answers within two seconds. */
export function askRedis(url: string, command: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.end(`${command}\r\nQUIT\r\n`))
    let reply = ''
    socket.setEncoding('utf8').setTimeout(2000, () => socket.destroy(new Error(`No answer to ${command}`)))
    socket.on('data', (text: string) => (reply += text))
    socket.on('error', reject)
    socket.on('close', () => (reply === '' ? reject(new Error(`No answer to ${command}`)) : resolve(reply)))
  })
}

interface Executed {
  readonly command: string
  readonly calls: number
  /** Microseconds. */
  readonly spent: number
}

/** But for those of `askRedis` itself. */
async function executed(url: string): Promise<readonly Executed[]> {
  const statistics = await askRedis(url, 'INFO commandstats')
  const all = statistics.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)
  return Array.from(all, ([, command = '', calls, spent]) => ({
    command,
    calls: Number(calls),
    spent: Number(spent),
  })).filter(({ command }) => command !== 'info' && command !== 'quit')
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const readers = /^(?:get|mget|getex|hget|hmget|hgetall)$/

/** Commands that read a value. */
export async function readsSeen(url: string): Promise<number> {
  return sum((await executed(url)).filter(({ command }) => readers.test(command)).map(({ calls }) => calls))
}

/** All commands but heartbeats. */
export async function commandsSeen(url: string): Promise<number> {
  return sum((await executed(url)).filter(({ command }) => command !== 'ping').map(({ calls }) => calls))
}

/** Microseconds spent in commands. What a script or a transaction does is counted twice: in itself and in it. */
export async function timeSpent(url: string): Promise<number> {
  return sum((await executed(url)).map(({ spent }) => spent))
}

/** Keys that were looked up, found or not, by whatever command. */
export async function lookUpsSeen(url: string): Promise<number> {
  const statistics = await askRedis(url, 'INFO stats')
  return sum(Array.from(statistics.matchAll(/^keyspace_(?:hits|misses):(\d+)/gm), ([, times]) => Number(times)))
}
