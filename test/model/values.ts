// What loaders return: a value that tells its origin, with the kinds that a careless copy or text loses. The same origin always makes an
// equal value, so that any reader can check what it was given, whoever else had a copy of it and did things to it.

export type Kind = 'plain' | 'special' | 'number'

/** @param parts the origins of what it was made from */
export function valueOf(origin: number, kind: Kind, parts: readonly number[]): unknown {
  if (kind === 'number') return origin
  const plain = { origin, parts: [...parts], list: [1, { deep: [origin] }], text: `value ${origin}` }
  if (kind === 'plain') return plain
  return {
    ...plain,
    at: new Date(origin),
    map: new Map<unknown, unknown>([
      ['a', new Set([origin])],
      [1, { inner: [new Date(1)] }],
    ]),
    set: new Set<unknown>(['x', origin]),
    bytes: Uint8Array.of(1, 2, origin & 255),
    nothing: undefined,
    nil: null,
    nan: Number.NaN,
    minusZero: -0,
    big: BigInt(origin) ** 3n,
  }
}

/** What raw strings hold: JSON, so that typed readers understand them. */
export function textOf(origin: number): string {
  return JSON.stringify({ origin, raw: true })
}

export function originOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  const origin = (value as { readonly origin?: unknown } | null | undefined)?.origin
  return typeof origin === 'number' ? origin : undefined
}

/** The origin of the text of an entry. */
export function originOfText(text: string): number | undefined {
  const found = /^(\d+)$/.exec(text) ?? /"origin":(\d+)/.exec(text)
  return found === null ? undefined : Number(found[1])
}

/** What a careless caller does with a result. Where it is frozen nothing happens; containers that cannot be frozen are changed. */
export function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Date) value.setTime(0)
  else if (value instanceof Map) {
    for (const inner of value.values()) spoil(inner)
    value.set('spoiled', true)
  } else if (value instanceof Set) value.add('spoiled')
  else if (value instanceof Uint8Array) value.fill(255)
  else {
    for (const inner of Object.values(value)) spoil(inner)
    if (Object.isFrozen(value)) return
    if (Array.isArray(value)) value.push('spoiled')
    else Object.assign(value, { spoiled: true })
  }
}

export function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen)
}
