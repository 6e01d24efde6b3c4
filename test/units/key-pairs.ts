// Arguments for the properties of keys, and the two things that happen to them: `disguise` makes an equal value that shares nothing
// with the given one and has every order changed; `mutatedArgs` makes exactly one change, of the kinds that a careless encoding would
// not see. Both take their choices from a seeded sequence, so that a failing pair can be shrunk and repeated. Nothing here knows how
// keys are made: what is equal is judged elsewhere.
import fc from 'fast-check'

// Values

export const texts = [
  '', ' ', 'a', 'b', 'ab', 'ba', 'a:b', ':', '1', '01', '-0', '0', '1n', '1.5', '1e3', 'true', 'false', 'null', 'undefined',
  'NaN', 'Infinity', '-Infinity', "'1'", "'", '~', '~AAAA', 's1:a', 'n;', 'u;', '(a)', '%41', 'A', '{}', '[]', '#l', 'a#l', '__proto__',
  'é', 'e\u0301', '漢', '😀', '\ud83d', '\ude00', '\ufffd', '\u0000', '1970-01-01T00:00:00.000Z', 'https://a.example/',
] // prettier-ignore
export const numbers = [
  0,
  -0,
  1,
  -1,
  2,
  1.5,
  0.1 + 0.2,
  0.3,
  1e21,
  1e-7,
  2 ** 53,
  Number.NaN,
  Infinity,
  -Infinity,
  5e-324,
]
const keys = [
  'a',
  'b',
  'ab',
  '',
  '0',
  '1',
  'length',
  '__proto__',
  'toJSON',
  'toCacheKey',
  'constructor',
  'signal',
  'é',
  '\ud83d',
]
const byteKinds = ['Buffer', 'Uint8Array', 'Uint8ClampedArray', 'Int8Array', 'Uint16Array', 'Uint32Array', 'Float64Array', 'BigInt64Array', 'DataView', 'ArrayBuffer'] // prettier-ignore

export const leaf = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...texts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 3, arbitrary: fc.constantFrom(...numbers) },
  { weight: 1, arbitrary: fc.double() },
  fc.constantFrom(0n, 1n, -1n, 10n ** 30n),
  fc.constantFrom(true, false, null, undefined),
  fc.constantFrom(0, 1, Number.NaN, 1e12).map((time) => new Date(time)),
  fc.constantFrom('https://a.example/', 'https://a.example/?b', 'file:///a').map((href) => new URL(href)),
  fc
    .tuple(fc.constantFrom(...byteKinds), fc.constantFrom(0, 1, 2, 5), fc.nat(2))
    .map(([kind, size, fill]) => bytesOf(kind, new Uint8Array(size * 8).fill(fill))),
) // prettier-ignore

function bytesOf(kind: string, bytes: Uint8Array): object {
  if (kind === 'Buffer') return Buffer.from(bytes)
  const { buffer } = new Uint8Array(bytes)
  if (kind === 'ArrayBuffer') return buffer
  const constructor = (globalThis as unknown as Record<string, new (buffer: ArrayBuffer) => object>)[kind]
  return new (constructor as new (buffer: ArrayBuffer) => object)(buffer)
}

const hole = Symbol('hole')

export const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => {
  const inside = tie('value')
  return {
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 10, arbitrary: leaf },
      { weight: 2, arbitrary: fc.array(fc.oneof({ weight: 8, arbitrary: inside }, fc.constant(hole)), { maxLength: 4 }).map((items) => {
        const array = new Array<unknown>(items.length)
        items.forEach((item, index) => {
          if (item !== hole) array[index] = item
        })
        return array
      }) },
      { weight: 2, arbitrary: fc
        .tuple(fc.boolean(), fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), inside), { maxLength: 3, selector: ([key]) => key }))
        .map(([plain, entries]) => withEntries(plain ? {} : (Object.create(null) as object), entries, (item) => item)) },
      { weight: 2, arbitrary: fc.array(fc.tuple(inside, inside), { maxLength: 3 }).map((entries) => new Map(entries)) },
      { weight: 2, arbitrary: fc.array(inside, { maxLength: 3 }).map((items) => new Set(items)) },
      // More keys than are sorted by hand.
      { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 22, max: 30 }), leaf).map(([size, item]) =>
        withEntries({}, Array.from({ length: size }, (_, index) => [`k${(index * 7) % size}`, index === 3 ? item : index]), (same) => same)) },
    ),
  }
}) // prettier-ignore
export const anyArgs = fc.array(anyValue, { maxLength: 3 })

// The two kinds of change

type Choose = (below: number) => number

export function chooser(seed: number): Choose {
  let state = seed | 0
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return ((state ^ (state >>> 13)) >>> 0) % below
  }
}

function shuffled<T>(items: readonly T[], choose: Choose): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(choose(rest.length), 1)[0] as T)
}

export function disguise(value: unknown, choose: Choose): unknown {
  if (typeof value !== 'object' || value === null) return value
  const again = (item: unknown): unknown => disguise(item, choose)
  // What survives it: no null prototypes (they become plain), no Buffers, no urls. Only leaves, or no order would be changed.
  const clone = choose(2) === 0 && !Buffer.isBuffer(value) && !(value instanceof URL)
  if (Array.isArray(value)) return rebuiltArray(value, again)
  if (value instanceof Date) return clone ? structuredClone(value) : new Date(value.getTime())
  if (value instanceof URL) return new URL(value.href)
  if (value instanceof Map) return new Map(shuffled([...value], choose).map(([key, item]) => [again(key), again(item)]))
  if (value instanceof Set) return new Set(shuffled([...value], choose).map(again))
  if (ArrayBuffer.isView(value)) {
    if (clone) return structuredClone(value)
    // In the middle of a larger buffer: only the bytes count.
    const { byteLength } = value
    const buffer = new Uint8Array(byteLength + 16).fill(7)
    buffer.set(new Uint8Array(value.buffer, value.byteOffset, byteLength), 8)
    if (Buffer.isBuffer(value)) return Buffer.from(buffer.buffer, 8, byteLength)
    const size = 'BYTES_PER_ELEMENT' in value ? (value.BYTES_PER_ELEMENT as number) : 1
    const constructor = value.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => object
    return new constructor(buffer.buffer, 8, byteLength / size)
  }
  if (value instanceof ArrayBuffer) return clone ? structuredClone(value) : value.slice(0)
  const target = choose(2) === 0 ? {} : (Object.create(null) as object)
  return withEntries(target, shuffled(Object.entries(value), choose), again)
}

function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 1
  const inside = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  return inside.reduce((sum: number, item) => sum + sizeOf(item), 1)
}

/** The value with one change at the place numbered `at`. */
function mutate(value: unknown, at: { left: number }, choose: Choose): unknown {
  if (at.left-- === 0) return changed(value, choose)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  const again = (item: unknown): unknown => mutate(item, at, choose)
  if (Array.isArray(value)) return rebuiltArray(value, again)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [again(key), again(item)]))
  if (value instanceof Set) return new Set([...value].map(again))
  if (value instanceof Date || value instanceof URL || value instanceof ArrayBuffer) return value
  return withEntries({}, Object.entries(value), again)
}

export function mutatedArgs(args: readonly unknown[], at: number, choose: Choose): readonly unknown[] {
  const size = args.reduce((sum: number, arg) => sum + sizeOf(arg), 0)
  // One more than there are: the list of arguments itself.
  const place = { left: at % (size + 1) }
  if (place.left < size) return args.map((arg) => mutate(arg, place, choose))
  const other = changed(args, choose)
  return Array.isArray(other) ? other : [other]
}

function changed(value: unknown, choose: Choose): unknown {
  // Most changes are those of the value's own kind: the ones an encoding could miss.
  const general: unknown[] = [[value], { a: value }, new Set([value]), new Map([[value, value]]), null, undefined]
  const own = ownChanges(value, choose)
  const options = own.length > 0 && choose(4) > 0 ? own : general
  return options[choose(options.length)]
}

function ownChanges(value: unknown, choose: Choose): unknown[] {
  switch (typeof value) {
    case 'string':
      return [
        Number(value), ...(/^-?\d+$/.test(value) ? [BigInt(value)] : []), value === 'true', undefined, '', {}, [], new Date(value),
        `${value}:`, ` ${value}`, value + value, value.normalize('NFD'), value.slice(1), `${value}\ud800`, value.toUpperCase(),
        value.replace(/\p{Surrogate}/gu, '\ufffd'), value.replace(/\p{Surrogate}/gu, '\ud801'), new String(value).split(''),
      ] // prettier-ignore
    case 'number':
      return [
        String(value), ...(Number.isInteger(value) ? [BigInt(value)] : []), -value, -value, value + 1, value === 1, new Date(value),
        `'${value}'`, `${value}n`,
      ] // prettier-ignore
    case 'bigint':
      return [Number(value), String(value), `${value}n`, -value, value + 1n]
    case 'boolean':
      return [!value, String(value), Number(value), value ? 1n : 0n]
    case 'object':
      return value === null ? ['', 0, false, 'null', undefined, {}] : changesOfObject(value, choose)
    default:
      return ['', 0, false, 'undefined', null, Number.NaN]
  }
}

function changesOfObject(value: object, choose: Choose): unknown[] {
  const same = (item: unknown): unknown => item
  if (Array.isArray(value)) return changesOfArray(value as unknown[], choose)
  if (value instanceof Date) {
    const time = value.getTime()
    return [time, new Date(time + 1), String(value), Number.isNaN(time) ? 'Invalid Date' : value.toISOString(), {}, BigInt(time || 0)]
  } // prettier-ignore
  if (value instanceof URL) return [value.href, new URL('?c', value), new URL('#', value), {}]
  if (value instanceof Map) {
    const entries = [...value] as Array<[unknown, unknown]>
    return [
      entries, new Set(value.keys()), new Set(entries), new Map(entries.slice(1)), new Map([...entries, ['a', 1]]), {},
      new Map(entries.map(([key, item]) => [item, key])), Object.fromEntries(entries.map(([key, item]) => [describeKey(key), item])),
      new Map(entries.map(([key, item]) => [describeKey(key), item])), new Map(entries.map(([key], index) => [key, entries.at(index - 1)?.[1]])),
    ] // prettier-ignore
  }
  if (value instanceof Set) {
    const items = [...value] as unknown[]
    return [items, new Map(value.entries()), new Set([...items, 1]), new Set(items.slice(1)), {}, new Set(items.map(describeKey))]
  } // prettier-ignore
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value)
    const flipped = bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))
    return [
      ...byteKinds.map((kind) => bytesOf(kind, bytes)), bytesOf('Uint8Array', flipped), bytesOf('Buffer', flipped), bytesOf('ArrayBuffer', flipped),
      [...bytes], Buffer.from(bytes).toString('latin1'), Buffer.from(bytes.subarray(1)), new Uint8Array([...bytes, 0]),
    ] // prettier-ignore
  }
  const entries = Object.entries(value)
  const [first, ...others] = entries
  return [
    new Map(entries), entries, Object.values(value), Object.keys(value), withEntries({}, others, same),
    withEntries({}, [...entries, ['z', undefined]], same),
    withEntries({}, entries.map(([key, item]) => [`${key}a`, item] as const), same),
    withEntries({}, [...others, [`${first?.[0] ?? ''}~`, first?.[1]]], same),
    withEntries({}, entries.map(([key, item]) => [key, item === undefined ? null : undefined] as const), same),
    withEntries({}, entries.map(([key], index) => [key, entries.at(index - 1)?.[1]] as const), same),
  ] // prettier-ignore
}

function describeKey(key: unknown): string {
  return typeof key === 'object' ? '[object]' : String(key)
}

function changesOfArray(array: readonly unknown[], choose: Choose): unknown[] {
  const [first, second] = array
  const last = array.at(-1)
  const holed = [...array]
  Reflect.deleteProperty(holed, choose(holed.length + 1))
  const options: unknown[] = [
    [...array, undefined], array.slice(1), array.slice(0, -1), Object.assign({}, array), Object.assign({ length: array.length }, array),
    new Set(array), array.length, String(array.length), array.toReversed(),
    // A value for a hole and a hole for a value.
    Array.from(array), holed, holed,
    // A moved border between two parts, one level less: [a, [b]] and [[a], b], [a, b] and [[a], [b]].
    array.flat(), [array.slice(0, 1), array.slice(1)], [array.slice(0, -1), last], [first, array.slice(1)],
  ] // prettier-ignore
  if (Array.isArray(last)) options.push([array.slice(0, -1), ...last], [...array.slice(0, -1), ...last])
  if (Array.isArray(first)) options.push([...first, array.slice(1)])
  if (typeof first === 'string' && typeof second === 'string') {
    const moved = [
      [first + second.slice(0, 1), second.slice(1), ...array.slice(2)],
      [first.slice(0, -1), first.slice(-1) + second, ...array.slice(2)],
      [first + second, ...array.slice(2)],
      [first + second, '', ...array.slice(2)],
    ]
    options.push(...moved, ...moved)
  }
  return options
}

// Building

export function withEntries(
  object: object,
  entries: ReadonlyArray<readonly [string, unknown]>,
  change: (value: unknown) => unknown,
): object {
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value: change(value), enumerable: true, configurable: true, writable: true })
  }
  return object
}

/** Holes stay holes. */
export function rebuiltArray(array: readonly unknown[], change: (value: unknown) => unknown): unknown[] {
  const rebuilt = new Array<unknown>(array.length)
  for (const index of Object.keys(array)) rebuilt[Number(index)] = change(array[Number(index)])
  return rebuilt
}
