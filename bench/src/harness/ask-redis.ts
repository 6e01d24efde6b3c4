// One inline command to Redis over a socket of its own, so that counting what the store saw needs no client and disturbs
// none of the measured ones.
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

/** Commands that read a value, as the server counted them since its start. */
export async function readsSeen(url: string): Promise<number> {
  const statistics = await askRedis(url, 'INFO commandstats')
  let sum = 0
  for (const [, calls] of statistics.matchAll(/^cmdstat_(?:get|mget|getex|hget|hmget|hgetall):calls=(\d+)/gm)) {
    sum += Number(calls)
  }
  return sum
}
