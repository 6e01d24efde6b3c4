// The doors of the cache: every way to read a key, to write it and to invalidate it. Each call is in the history from the moment it is
// made, and is judged in the moment it is answered.
import type { GetOrSetOptions, LoadContext } from '../../src/index.ts'
import type { Barrier, Origin, Read } from './history.ts'
import type { Answer, ReadCall } from './loaders.ts'
import type { Status } from './oracle.ts'
import type { Command, Door, Way } from './plan.ts'
import { calm } from './plan.ts'
import { spoil, textOf, valueOf } from './values.ts'
import type { Target, World } from './world.ts'

const loadless: ReadonlySet<Door> = new Set(['peek', 'getValue', 'get'])

/** @throws what the call rejects with, after it was judged */
export async function read(world: World, call: ReadCall): Promise<Answer> {
  const target = targetOf(world, call.key)
  const { history, oracle, runtime } = world
  const door = openDoor(target, call.door)
  // What surrounds a loader surrounds what it calls: there the mode is given already.
  const isNested = call.within !== undefined
  const mode = door === 'refresh' ? 'refresh' : loadless.has(door) ? 'normal' : call.mode
  const ambient = isNested ? call.mode : door === 'call' || door === 'status' || door === 'constant' ? mode : 'normal'
  const made: Read = {
    key: target.index,
    door,
    mode,
    ambient,
    within: call.within,
    signal: loadless.has(door) || door === 'refresh' ? undefined : call.signal,
    started: history.tick(),
    startedAt: runtime.now(),
    ended: undefined,
  }
  history.reads.push(made)
  history.count(`door ${door}`)
  history.count(`mode ${mode}`)
  let answer: unknown
  try {
    answer = await world.caller.run(made, () =>
      isNested ? enter(world, target, made) : surrounded(world, target, made),
    )
  } catch (error) {
    made.ended = history.tick()
    oracle.rejected(made, error)
    throw error
  }
  made.ended = history.tick()
  const status = door === 'status' ? (answer as Status & { readonly value: unknown }) : undefined
  const value = status === undefined ? answer : (answer as { readonly value: unknown }).value
  const origin = oracle.given(made, value, status)
  if (world.random() < 0.5) spoil(value)
  return { origin, startedAt: made.startedAt }
}

/** What has no function is read by `getOrSet`; what inherits tags is not: it would load without them. */
function openDoor({ fn, key }: Target, door: Door): Door {
  if (fn === undefined) return door === 'call' || door === 'status' ? 'constant' : door
  return key.inherits && (door === 'constant' || door === 'literal') ? 'call' : door
}

/** `withCache` for what cannot be said otherwise. */
function surrounded(world: World, target: Target, made: Read): unknown {
  const { door, mode, signal } = made
  const saysMode = mode !== 'normal' && (door === 'call' || door === 'status' || door === 'constant')
  const saysSignal = signal !== undefined && door === 'constant'
  if (!saysMode && !saysSignal) return enter(world, target, made)
  const scope = { mode: saysMode ? mode : undefined, signal: saysSignal ? signal.signal : undefined }
  return world.library.withCache(scope, () => enter(world, target, made))
}

function enter(world: World, target: Target, { door, mode, signal, within }: Read): unknown {
  const { fn, view, name, options, argument } = target
  const abort = signal?.signal
  const loader = (load: LoadContext): unknown => world.loaders.load(target.index, load.signal)
  const getOrSet = (changed: GetOrSetOptions<unknown>): unknown => view.getOrSet(name, loader, changed)
  switch (door) {
    case 'call':
    case 'status': {
      const call = door === 'call' ? fn : fn?.withStatus
      const first = world.argumentOf(target, abort)
      return abort === undefined || typeof first === 'object' ? call?.(first) : call?.(first, abort)
    }
    case 'peek':
      return fn?.peek(world.argumentOf(target, undefined))
    case 'refresh':
      return fn === undefined ? getOrSet({ ...options, mode }) : fn.refresh(world.argumentOf(target, undefined))
    case 'constant':
      return getOrSet(options)
    case 'literal':
      return within === undefined ? getOrSet({ ...options, mode, signal: abort }) : getOrSet({ ...options })
    case 'getValue':
      return view.getValue(name)
    case 'get':
      return view.get(name)
    default:
      return (door satisfies never) ?? argument
  }
}

export function write(world: World, { key, raw, ttl, tagged }: Extract<Command, { do: 'set' }>): Promise<void> {
  const { view, name, index } = targetOf(world, key)
  const { loaders, history } = world
  const tags = tagged ? ['shared', `tag ${index}`] : []
  const origin = loaders.origin(index, 'set', calm, tags, ttl)
  if (raw) origin.object = 'raw'
  history.count(raw ? 'door set' : 'door setValue')
  const barrier = history.barrier({ what: 'a set', keys: [index], origin })
  const options = { ttl: `${ttl}ms`, tags } as const
  return written(
    world,
    barrier,
    origin,
    raw ? view.set(name, textOf(origin.id), options) : view.setValue(name, valueOf(origin.id, 'plain', []), options),
  )
}

export async function prime(world: World, key: number): Promise<void> {
  const target = targetOf(world, key)
  if (target.fn === undefined) return
  const { loaders, history } = world
  const origin = loaders.origin(target.index, 'prime', calm, loaders.tagsOf(target.index, calm))
  history.count('door prime')
  const barrier = history.barrier({ what: 'a prime', keys: [target.index], origin })
  const value = valueOf(origin.id, 'plain', [])
  await written(world, barrier, origin, target.fn.prime(value, world.argumentOf(target, undefined)))
}

async function written(world: World, barrier: Barrier, origin: Origin, answer: Promise<boolean>): Promise<void> {
  const { history, runtime } = world
  try {
    origin.stored = await answer
  } catch (error) {
    history.violated(`C5: ${barrier.what} rejected with ${String(error)}`)
  }
  origin.ended = history.tick()
  origin.endedAt = runtime.now()
  barrier.ended = origin.ended
  barrier.endedAt = origin.endedAt
  // What was not primed leaves what was there; what was not set leaves nothing.
  if (origin.by === 'prime' && origin.stored !== true) barrier.void = true
  history.count(`${barrier.what} ${origin.stored === true ? 'stored' : 'not stored'}`)
}

export async function invalidate(world: World, key: number, way: Way, byOther: boolean): Promise<void> {
  const target = targetOf(world, key)
  const { index, fn, name } = target
  const { history, other, runtime } = world
  const isOther = byOther && other !== undefined
  const root = isOther ? other : world.manager
  const view = target.key.inside ? root.namespace('inside') : root
  const second = world.targets.find((one) => one !== target && one.key.inside === target.key.inside)
  history.count(`invalidated by ${way}${isOther ? ' of another manager' : ''}`)
  const both = way === 'deleteMany' && second !== undefined
  const covers =
    way === 'clear'
      ? { everything: true }
      : way === 'namespace'
        ? { inside: true }
        : way === 'tag' || way === 'shared'
          ? { tags: [way === 'tag' ? `tag ${index}` : 'shared'] }
          : { keys: both ? [index, second.index] : [index] }
  const what = `an invalidation by ${way}${isOther ? ' of another' : ''}`
  const barrier = history.barrier({ what, byOther: isOther, ...covers })
  try {
    const answer = await send()
    history.count(`answered ${answer}`)
  } catch (error) {
    history.violated(`C5: ${barrier.what} rejected with ${String(error)}`)
  }
  barrier.ended = history.tick()
  barrier.endedAt = runtime.now()

  function send(): Promise<string> {
    if (way === 'clear') return root.clear()
    if (way === 'namespace') return root.namespace('inside').clear()
    if (way === 'tag' || way === 'shared') return root.invalidateTags([way === 'tag' ? `tag ${index}` : 'shared'])
    if (way === 'deleteMany') return view.deleteMany(both ? [name, second.name] : [name])
    return way === 'invalidate' && fn !== undefined && !isOther
      ? fn.invalidate(world.argumentOf(target, undefined))
      : view.delete(name)
  }
}

function targetOf({ targets }: World, key: number): Target {
  return targets[key % targets.length] as Target
}
