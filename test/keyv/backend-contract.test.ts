// Every kind of Keyv store as a backend, under the contract of all backends. A store alone has a clock that is moved, so that its expiry is
// held to the millisecond; a Keyv has its own, and waits (keyv-backend.test.ts holds it to the millisecond).
import Keyv from 'keyv'
import { describe, test } from 'vitest'
import type { KeyvInstance, KeyvStorage } from '../../src/keyv.ts'
import { keyvBackend } from '../../src/keyv.ts'
import type { ContractCapability } from '../../src/testing.ts'
import { backendContract } from '../../src/testing.ts'
import { manualRuntime } from '../support/manual-runtime.ts'
import type { BreakableStore } from './stores.ts'
import { ManyStore, smallStore } from './stores.ts'

interface Kind {
  readonly name: string
  readonly open: () => { readonly storage: KeyvStorage | KeyvInstance; readonly store?: BreakableStore }
  readonly capabilities: readonly ContractCapability[]
}

const around = <S>(store: S, options: object = {}) => ({ storage: new Keyv({ store, ...options }), store })
const alone = <S>(store: S) => ({ storage: store, store })

const kinds: readonly Kind[] = [
  { name: 'a Map', open: () => ({ storage: new Map() }), capabilities: ['scan'] },
  { name: 'a Keyv', open: () => ({ storage: new Keyv() }), capabilities: ['scan'] },
  {
    name: 'a Keyv without a namespace',
    open: () => ({ storage: new Keyv({ useKeyPrefix: false }) }),
    capabilities: ['scan'],
  },
  {
    name: 'a Keyv without a serializer',
    open: () => ({ storage: new Keyv({ serialize: undefined as never, deserialize: undefined as never }) }),
    capabilities: ['scan'],
  },
  { name: 'a store of four methods', open: () => alone(smallStore()), capabilities: [] },
  { name: 'a Keyv around it', open: () => around(smallStore()), capabilities: [] },
  { name: 'a store of all methods', open: () => alone(new ManyStore(false)), capabilities: ['batch', 'scan'] },
  { name: 'a Keyv around that', open: () => around(new ManyStore(false)), capabilities: ['batch', 'scan'] },
  {
    name: 'a store that only tells of its failures',
    open: () => alone(new ManyStore(true)),
    capabilities: ['batch', 'scan'],
  },
  { name: 'a Keyv around one', open: () => around(new ManyStore(true)), capabilities: ['batch', 'scan'] },
  {
    name: 'a Keyv around one that tells nobody',
    open: () => around(new ManyStore(true), { emitErrors: false }),
    capabilities: ['batch', 'scan'],
  },
  {
    name: 'a Keyv that tells nobody',
    open: () => around(smallStore(), { emitErrors: false }),
    capabilities: [],
  },
]

describe.each(kinds)('$name', ({ name, open, capabilities }) => {
  const except = open().store === undefined ? { 'B-26': 'a Map does not fail' } : {}
  backendContract(
    name,
    () => {
      const { storage, store } = open()
      const runtime = storage instanceof Keyv ? undefined : manualRuntime()
      return {
        backend: keyvBackend(storage, { runtime }),
        another: () => keyvBackend(storage, { runtime }),
        advance: runtime === undefined ? undefined : (ms: number) => runtime.advance(ms),
        ...(store === undefined ? {} : { breakStore: () => void (store.broken = true) }),
      }
    },
    { test, capabilities, except },
  )
})
