// A fleet that is asked for one cold key at one moment, and what it did then.
import { until } from '../support/gate.ts'
import { startRedis } from '../support/redis-server.ts'
import { sharedNow } from './clock.ts'
import type { Edit } from '../support/broken-source.ts'
import { compileFleet } from './compiled-fleet.ts'
import { type FleetProcess, startProcess } from './fleet-process.ts'
import { Opened } from './opened.ts'
import type { Asked, Stampede, stampedeNode } from './stampede-node.ts'
import { openTruth, type Truth } from './truth.ts'

export type StampedeNode = FleetProcess<typeof stampedeNode>
export type { Asked }

export interface StampedeFleet extends AsyncDisposable {
  readonly nodes: readonly StampedeNode[]
  readonly truth: Truth
  /** One more, that is told of nothing. */
  start(): Promise<StampedeNode>
  /** All processes ask at once; each answers when all its callers are answered. */
  ask(stampede: Omit<Stampede, 'at'>): Array<Promise<Asked>>
  /** Which of them ran the loader, in that order. */
  loadersOf(name: string): Promise<number[]>
  /** The one that was the first to look at the truth. */
  firstLoader(name: string): Promise<number>
  /** From the end of the load to the answers of processes that did not run it, ms. */
  waitsOf(name: string, asked: readonly Asked[]): Promise<number[]>
}

export async function startStampede(size: number, edits: readonly Edit[] = []): Promise<StampedeFleet> {
  const opened = new Opened()
  try {
    const program = await compileFleet(['stampede-node'], edits)
    opened.add({ [Symbol.asyncDispose]: async () => program[Symbol.dispose]() })
    const redis = opened.add(await startRedis())
    const truthServer = opened.add(await startRedis())
    const truth = await openTruth(truthServer.url, -1)
    opened.add({ [Symbol.asyncDispose]: async () => truth.close() })
    const startNode = async (index: number): Promise<StampedeNode> => {
      const settings = { index, url: redis.url, truthUrl: truthServer.url }
      const node = opened.add(await startProcess<typeof stampedeNode>(program.file('stampede-node'), settings))
      await until('it is connected', () => node.call('isConnected'))
      return node
    }
    const nodes = await Promise.all(Array.from({ length: size }, (_, index) => startNode(index)))
    const loadersOf = async (name: string): Promise<number[]> =>
      ((await truth.send('LRANGE', `loads:${name}`, '0', '-1')) as string[]).map(Number)
    return {
      nodes,
      truth,
      start: () => startNode(size),
      // A moment that has not come when all processes have been told of it.
      ask: (stampede) => {
        const at = sharedNow() + 50
        return nodes.map((node) => node.call('ask', { ...stampede, at }))
      },
      loadersOf,
      firstLoader: async (name) => {
        let loaders: number[] = []
        await until('somebody loads', async () => (loaders = await loadersOf(name)).length > 0)
        return loaders[0] as number
      },
      waitsOf: async (name, asked) => {
        const ended = Number(await truth.send('GET', `ended:${name}`))
        const loaders = await loadersOf(name)
        return asked.flatMap(({ times }, index) => (loaders.includes(index) ? [] : times.map((time) => time - ended)))
      },
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    }
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}
