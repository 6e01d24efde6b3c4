// A Redis that is replicated, and how two processes come to be led to the replica, each in its own time.
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { until } from '../support/gate.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'

/** A master and its replica, the way from one to the other, and a way to the one in charge for each of two processes. */
export interface Pair extends AsyncDisposable {
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly replication: FaultProxy
  readonly wayOfA: FaultProxy
  readonly wayOfB: FaultProxy
  /** Leads to the replica from now on. */
  moveA(): void
  moveB(): void
  /** Resolves when the replica has the keys. */
  replicated(...keys: readonly string[]): Promise<void>
}

export async function startPair(): Promise<Pair> {
  const [master, replica] = await Promise.all([startRedis({ config: ['repl-diskless-sync-delay 0'] }), startRedis()])
  const replication = await startFaultProxy(master)
  await replica.cli('REPLICAOF', '127.0.0.1', String(replication.port))
  await until('the replica follows', async () => (await replica.cli('INFO')).includes('master_link_status:up'))
  const [a, b] = [await startMovingProxy(master), await startMovingProxy(master)]
  return {
    master,
    replica,
    replication,
    wayOfA: a.proxy,
    wayOfB: b.proxy,
    moveA: () => a.move(replica),
    moveB: () => b.move(replica),
    replicated: (...keys) =>
      until('it is replicated', async () => (await replica.cli('EXISTS', ...keys)) === String(keys.length)),
    async [Symbol.asyncDispose]() {
      for (const proxy of [a.proxy, b.proxy, replication]) await proxy.close()
      await Promise.all([master.stop(), replica.stop()])
    },
  }
}

/** What a name or an address does that leads to another server one day: connections there are end, later ones go to it. */
async function startMovingProxy(first: RedisServer): Promise<{ proxy: FaultProxy; move(to: RedisServer): void }> {
  const target = { port: first.port }
  const proxy = await startFaultProxy(target)
  const move = (to: RedisServer): void => {
    target.port = to.port
    proxy.cut()
  }
  return { proxy, move }
}
