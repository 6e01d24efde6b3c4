// What the network between one process and its Redis does, and the system to the process, step by step, by one seed.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxy } from '../support/fault-proxy.ts'
import type { Random } from '../soak/random.ts'

/** `calm`: answers and pushes arrive in other pieces and later, never not at all · `gusty`, `storm`: links break, how often. */
export type Weather = 'calm' | 'gusty' | 'storm'

const breaking: Readonly<Record<Weather, number>> = { calm: 0, gusty: 0.12, storm: 0.4 }

export interface Place {
  readonly proxy: FaultProxy
  readonly node: { freeze(): void; thaw(): void }
}

/** Goes on until `isOver`, and leaves everything as it should be. */
export async function rage(place: Place, random: Random, weather: Weather, isOver: () => boolean): Promise<void> {
  const wait = async (from: number, to: number): Promise<void> => {
    const end = performance.now() + random.between(from, to)
    while (performance.now() < end && !isOver()) await sleep(Math.min(25, Math.max(1, end - performance.now())))
  }
  while (!isOver()) {
    if (random.next() < breaking[weather]) await breakOnce(place, random, wait)
    else await bend(place.proxy, random, wait)
  }
  await place.proxy.heal()
}

type Wait = (from: number, to: number) => Promise<void>

async function bend(proxy: FaultProxy, random: Random, wait: Wait): Promise<void> {
  const draw = random.next()
  if (draw < 0.3) await proxy.heal()
  else if (draw < 0.65) proxy.merge(random.between(0, 6))
  else if (draw < 0.8) proxy.split(random.next() < 0.5 ? 200 : 8000, random.below(1000))
  else if (draw < 0.85) proxy.split(7, random.below(1000))
  else proxy.slow(random.between(0, 8))
  // Small pieces of large values are much work for everybody.
  if (draw >= 0.8 && draw < 0.85) await wait(20, 60)
  else await wait(80, 500)
}

async function breakOnce({ proxy, node }: Place, random: Random, wait: Wait): Promise<void> {
  const draw = random.next()
  if (draw < 0.2) proxy.cut()
  else if (draw < 0.3) proxy.cutClient()
  else if (draw < 0.5) {
    proxy.halfOpen()
    await wait(300, 3000)
  } else if (draw < 0.65) {
    proxy.blackHole()
    await wait(300, 3000)
  } else if (draw < 0.8) {
    proxy.freeze()
    await wait(100, 1800)
  } else if (draw < 0.85) {
    node.freeze()
    await wait(200, 2000)
    node.thaw()
  } else if (draw < 0.94) {
    proxy.holdRequests()
    await wait(50, 900)
    // Behind a client that is gone it waits for a server that may be busy.
    await Promise.race([proxy.release(), sleep(2000)])
  } else {
    await proxy.refuse()
    await wait(50, 800)
  }
  await proxy.heal()
}
