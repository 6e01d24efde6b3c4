import type { CacheBackend } from '../contracts/backend.ts'
import type { ContractCapability, ContractOutcome } from './contract-case.ts'
import { outcome } from './contract-case.ts'
import { expectSame, show, violated } from './expectations.ts'

// B-01 to B-02, B-95 to B-98: a backend is its six methods, and of a capability it has all or nothing. The core finds capabilities by shape: half of one
// would be used, and fail in the middle of a call.

const methods = ['get', 'set', 'delete', 'exists', 'ping', 'close'] as const

/** What each capability consists of. */
const members: Readonly<Record<Exclude<ContractCapability, 'ordered'>, Readonly<Record<string, string>>>> = {
  batch: { get: 'function', delete: 'function' },
  tags: { read: 'function', stamp: 'function', renew: 'function' },
  scan: { keys: 'function' },
  leases: { isOn: 'boolean', acquire: 'function', renew: 'function', fill: 'function', release: 'function' },
  push: { watch: 'function', isOn: 'boolean', boundMs: 'number' },
  link: { watch: 'function', limits: 'object' },
  embedded: { tier: 'object' },
}

const tierMethods = ['get', 'find', 'entryAt', 'use', 'table', 'set', 'delete', 'retain', 'clear']

const events = {
  changed() {},
  writing() {},
  written() {},
  changedAll() {},
  tagsChanged() {},
  heard() {},
  lost() {},
  restored() {},
}

function checkMembers(backend: CacheBackend): void {
  for (const method of methods) {
    if (typeof backend[method] !== 'function') violated(`the method ${method}`, 'a function', show(backend[method]))
  }
  for (const method of ['connect', 'name', 'ordered'] as const) {
    const kind = { connect: 'function', name: 'string', ordered: 'boolean' }[method]
    const came = backend[method]
    if (came !== undefined && typeof came !== kind) violated(method, `a ${kind}, or nothing`, show(came))
  }
  for (const [name, parts] of Object.entries(members)) {
    const capability = backend[name as keyof typeof members] as Readonly<Record<string, unknown>> | undefined
    if (capability === undefined) continue
    if (typeof capability !== 'object' || capability === null) violated(name, 'an object, or nothing', show(capability))
    for (const [part, kind] of Object.entries(parts)) {
      const came = capability[part]
      if (typeof came !== kind) violated(`${name}.${part}`, `a ${kind}: half a capability is none`, show(came))
    }
  }
}

export const shapeOutcomes: readonly ContractOutcome[] = [
  outcome('B-01', 'has its six methods, and of each capability all or nothing', {}, async ({ backend }) => {
    checkMembers(backend)
  }),

  outcome('B-95', 'lets whoever watches its link leave', { needs: 'link' }, async ({ capability }) => {
    const link = capability('link')
    const { limits, history } = link
    expectSame('what watch() gives', typeof link.watch(events), 'function')
    if (!Array.isArray(limits) || limits.some((limit) => typeof limit !== 'string'))
      violated('limits', 'an array of sentences', show(limits))
    if (history !== undefined && typeof history !== 'string')
      violated('history', 'a string, or undefined', show(history))
  }),

  outcome('B-98', 'has a whole memory tier where it is embedded', { needs: 'embedded' }, async ({ capability }) => {
    const tier = capability('embedded').tier as unknown as Readonly<Record<string, unknown>>
    for (const method of tierMethods) {
      if (typeof tier[method] !== 'function') violated(`embedded.tier.${method}`, 'a function', show(tier[method]))
    }
    for (const count of ['size', 'bytes', 'maxBytes', 'evictions']) {
      if (typeof tier[count] !== 'number') violated(`embedded.tier.${count}`, 'a number', show(tier[count]))
    }
  }),
]

/** B-02. @param named every capability that the backend must have; it may have no other */
export function namedCapabilities(named: readonly ContractCapability[]): ContractOutcome {
  const title = `has these capabilities: ${named.length === 0 ? 'none' : named.join(', ')}`
  return outcome('B-02', title, {}, async ({ backend }) => {
    for (const name of [...Object.keys(members), 'ordered'] as ContractCapability[]) {
      const claimed = name === 'ordered' ? backend.ordered : backend[name]
      const isThere = name === 'ordered' ? claimed === true : claimed !== undefined
      if (named.includes(name) && !isThere) violated(name, 'it, since `capabilities` names it', show(claimed))
      if (!named.includes(name) && isThere) {
        violated(name, 'none, since `capabilities` does not name it and so it is not checked', show(claimed))
      }
    }
    if (named.includes('leases')) expectSame('leases.isOn of a connected backend', backend.leases?.isOn, true)
    if (named.includes('push')) expectSame('push.isOn of a connected backend', backend.push?.isOn, true)
  })
}
