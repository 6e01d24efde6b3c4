import { misuse } from '../../support/errors.ts'
import type { KeyvInstance } from './keyv-shapes.ts'
import { stateOf } from './keyv-shapes.ts'
import type { Access } from './storage-access.ts'
import { canIterate, keysUnder, readRaw } from './storage-access.ts'

// A store with a Keyv around it: its namespace, serializer, compression, hooks and counters are what the application wants of it, so every
// call goes through it. Two of its habits would break a promise.
//
// - What fails is told as an event, or not at all, and the call answers `undefined` or `false`. It has an option against that; it is set on
//   a view of the instance, so that the application's own calls go on as they do.
// - A key that begins with the namespace is taken for one that has it already (`get('keyv:a')` reads what `set('a')` wrote), but not by
//   the methods for several keys. Such a key gets a character put before it.

export function instanceAccess(keyv: KeyvInstance): Access {
  const storage = stateOf(keyv).store
  const view = throwing(keyv)
  const prefix = (): string => (keyv.useKeyPrefix !== false && keyv.namespace ? `${keyv.namespace}:` : '')
  const named = (key: string): string => escapeKey(key, prefix())
  const allNamed = (keys: readonly string[]): string[] => keys.map(named)
  return {
    async get(key) {
      const name = named(key)
      return readRaw(await (view.getRaw === undefined ? view.get(name, { raw: true }) : view.getRaw(name)))
    },
    // Without the store's own, Keyv asks for each key, and drops what fails.
    getMany:
      storage.getMany === undefined || view.getMany === undefined
        ? undefined
        : async (keys) => ((await view.getMany?.(allNamed(keys), { raw: true })) ?? []).map(readRaw),
    set: (key, { text }, ttlMs) => view.set(named(key), text, ttlMs),
    delete: (key) => view.delete(named(key)),
    deleteMany:
      storage.deleteMany === undefined || view.deleteMany === undefined
        ? undefined
        : async (keys) => view.deleteMany?.(allNamed(keys)),
    hasMany:
      storage.hasMany === undefined || view.hasMany === undefined
        ? undefined
        : async (keys) => (await view.hasMany?.(allNamed(keys))) ?? [],
    // Its own iterator is there for some stores only, and takes keys of other namespaces that hold this one's name.
    keys: canIterate(storage)
      ? async function* () {
          const namespace = prefix() === '' ? undefined : keyv.namespace
          for await (const name of keysUnder(storage, namespace)) yield unescapeKey(name, prefix())
        }
      : undefined,
    disconnect: () => keyv.disconnect?.(),
  }
}

/**
 * The same Keyv, but its calls reject where they fail, and a text it cannot read is not there.
 * @throws {TypeError} `CACHE_BAD_OPTION` for one that could keep a failure to itself
 */
function throwing(keyv: KeyvInstance): KeyvInstance {
  const view = Object.create(keyv) as KeyvInstance
  // The setter of the option notes it among the options, which are the application's.
  Object.defineProperty(view, 'opts', { value: Object.create(keyv.opts) as object, writable: true })
  const throws = 'throwOnErrors' in keyv
  if (throws) view.throwOnErrors = true
  else if (stateOf(keyv).emitErrors === false) {
    throw misuse(
      'CACHE_BAD_OPTION',
      'A Keyv with emitErrors: false and without the option throwOnErrors keeps failures to itself: leave emitErrors on, or use Keyv 5.6',
    )
  }
  if (typeof keyv.deserializeData === 'function') {
    view.deserializeData = async (data) => {
      try {
        // Of `null` (a stored text 'null') Keyv reads the expiry, and fails.
        return (await keyv.deserializeData?.(data)) ?? undefined
      } catch {
        // Without the cause: what a parser says quotes the text. An error would count against the store.
        return undefined
      }
    }
  }
  return view
}

/** Injective; what comes out never begins with `prefix`. */
function escapeKey(key: string, prefix: string): string {
  if (prefix === '') return key
  const mark = markFor(prefix)
  return key.startsWith(prefix) || key.startsWith(mark) ? mark + key : key
}

function unescapeKey(name: string, prefix: string): string {
  return prefix !== '' && name.startsWith(markFor(prefix)) ? name.slice(1) : name
}

function markFor(prefix: string): string {
  return prefix.startsWith('.') ? '~' : '.'
}
