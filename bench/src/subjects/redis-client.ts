// The client that users of Redis write floors with: node-redis, without the time limit per command that is its default, which costs more
// than the command.

/** @returns a client that is connected */
export async function openClient(url: string) {
  const { createClient } = await import('@redis/client')
  const client = createClient({ url, RESP: 3, commandOptions: { timeout: undefined as never } })
  client.on('error', () => undefined)
  await client.connect()
  return client
}
