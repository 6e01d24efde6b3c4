import { checkIdentityPart, identityOf } from './core/key-encoding.ts'
import { misuse } from './support/errors.ts'
import { createLog } from './support/log.ts'

// Which function owns which derived keys in this process. Two functions under one identity would read each other's results, so the
// second definition is refused, unless it is plainly the same function (its module was loaded again) or both were named on purpose.

export interface Identity {
  readonly keyPrefix: string | undefined
  /** Given in the options. */
  readonly name: string | undefined
  /** The function's own; a minifier may have made it. */
  readonly ownName: string
  readonly version: string | number | undefined
  readonly source: string
}

interface Owner {
  readonly source: string
  readonly named: boolean
  warned: boolean
}

/** No cache is known yet where functions are defined. */
const log = createLog(undefined, 'warn')
const owners = new Map<string, Owner>()
/** First parts of identities with two parts, and identities of one part: `a:b` must not be both `b` under `a` and an argument of `a`. */
const prefixes = new Set<string>()
const singles = new Set<string>()

/** @throws {TypeError} `CACHE_NO_IDENTITY` */
export function registerIdentity({ keyPrefix, name, ownName, version, source }: Identity): void {
  const called = name ?? ownName
  if (name === undefined && keyPrefix === undefined && ownName.length < 3) {
    throw misuse(
      'CACHE_NO_IDENTITY',
      ownName === ''
        ? 'An anonymous function has no name for its keys: give cached() a keyPrefix, name or key'
        : `'${ownName}' is too short to tell a function by (a minifier may have made it): give cached() a keyPrefix, name or key`,
    )
  }
  if (called !== '') checkIdentityPart(called, 'The name of a cached function')
  const single = called === '' ? (keyPrefix as string) : keyPrefix === undefined ? called : undefined
  const clash = single === undefined ? singles.has(keyPrefix as string) : prefixes.has(single)
  if (clash) {
    const first = single ?? (keyPrefix as string)
    throw misuse(
      'CACHE_NO_IDENTITY',
      `'${first}' is the whole identity of one cached function and the keyPrefix of another: their keys could be equal. Give both a keyPrefix and a name`,
    )
  }
  const identity =
    single === undefined ? identityOf(keyPrefix, called, version) : identityOf(undefined, single, version)
  const owner = owners.get(identity)
  if (owner !== undefined && owner.source !== source && !(owner.named && name !== undefined)) {
    throw misuse(
      'CACHE_NO_IDENTITY',
      `Two different functions are cached as '${identity}': they would read each other's results. Give one another name, keyPrefix or version`,
    )
  }
  if (owner !== undefined && !owner.warned) {
    owner.warned = true
    log.warn(
      'cache',
      `'${identity}' is defined as a cached function again: if the two close over different things, they read each other's results`,
    )
  }
  owners.set(identity, { source, named: name !== undefined, warned: owner?.warned ?? false })
  if (single === undefined) prefixes.add(keyPrefix as string)
  else singles.add(single)
}
