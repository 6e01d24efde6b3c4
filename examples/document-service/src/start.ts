/**
 * `npm start`: opens the cache and the server, says how to try it, and closes both when told to stop.
 */
import { closeCache, initCache } from '@speedrun/cache'
import { contentOf } from './document.ts'
import { closeOcr } from './ocr-worker.ts'
import { readSample } from './samples.ts'
import { buildServer } from './server.ts'

const SAMPLE = 'invoice-scanned.pdf'

await initCache()
const server = await buildServer()
server.addHook('onClose', async () => {
  await closeOcr()
  await closeCache()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close())

try {
  const url = await server.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) })
  const { hash } = contentOf((await readSample(SAMPLE)).bytes)
  console.log(`The document service listens on ${url}. Try, in the repository's folder:\n`)
  console.log(`  curl -F file=@examples/document-service/samples/${SAMPLE} ${url}/documents`)
  console.log(`  curl ${url}/documents/${hash}`)
  console.log(`  curl -X DELETE ${url}/documents/${hash}\n`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
  await server.close()
}
