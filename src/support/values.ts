import { describe, isCacheError, misuse } from './errors.ts'

// Which values can be cached, and how they are copied. One walk serves the copy, the byte measure and the freeze, so that the
// three can never disagree on what a value is.
//
// Kinds: primitives except symbols; plain objects (null prototypes too) and arrays, holes included; Date, Map, Set, URL; every
// typed array, Buffer, DataView and ArrayBuffer. Anything else (functions, class instances, cycles, symbol keys) is
// refused by path: what cannot survive the way to text and back must not live in memory either, or a hit would depend on where
// it came from. Not looked for are properties put on byte containers: finding them would cost a walk over every byte.

const maxDepth = 500
/** A few forgotten elements are data; an array that is nearly all holes is a mistake that would be copied hole by hole. */
const maxHoles = 1_000_000

export type Bytes = ArrayBufferView<ArrayBuffer> | ArrayBuffer

export interface Copied {
  readonly value: unknown
  /** An estimate of the memory the copy holds. */
  readonly bytes: number
  /** Nothing in it can be changed: all readers may share it. */
  readonly immutable: boolean
}

/**
 * A copy that shares nothing with `value`.
 *
 * @param freeze freeze the copy deeply; what cannot be frozen (Map, Set, Date, bytes) is left as it is
 * @throws {TypeError} `CACHE_UNSTORABLE_VALUE`, naming the path of what cannot be copied
 */
export function copyValue(value: unknown, freeze: boolean): Copied {
  if (typeof value !== 'object' || value === null)
    return { value: checkPrimitive(value, []), bytes: sizeOf(value), immutable: true }
  const walk: Walk = { bytes: 0, freeze, immutable: freeze, path: [], above: new Set() }
  try {
    return { value: copy(value, walk), bytes: walk.bytes, immutable: walk.immutable }
  } catch (error) {
    throw unreadable(walk.path, error)
  }
}

/** An object literal, `Object.create(null)`, or an array: what JSON has. */
export function isPlain(value: object): boolean {
  if (Array.isArray(value)) return Object.getPrototypeOf(value) === Array.prototype
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Sets an own property whatever its name: `object.__proto__ = x` would change the prototype instead. */
export function setOwn(object: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    ;(object as Record<string, unknown>)[key] = value
  }
}

/** The error for a value that cannot be cached. */
export function unstorable(
  path: readonly PropertyKey[],
  reason: string,
  options?: { readonly cause?: unknown },
): TypeError {
  const at = path.length === 0 ? 'The value' : `The value at ${formatPath(path)}`
  return misuse('CACHE_UNSTORABLE_VALUE', `${at} cannot be cached: ${reason}`, options)
}

/** `error` itself when it is ours, else (a getter or a proxy threw) the error for a value that cannot be read. */
export function unreadable(path: readonly PropertyKey[], error: unknown): Error {
  return isCacheError(error) ? error : unstorable(path, 'reading it failed', { cause: error })
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
}

interface Walk {
  bytes: number
  readonly freeze: boolean
  immutable: boolean
  readonly path: PropertyKey[]
  readonly above: Set<object>
}

function copy(value: unknown, walk: Walk): unknown {
  if (typeof value !== 'object' || value === null) {
    walk.bytes += sizeOf(value)
    return checkPrimitive(value, walk.path)
  }
  if (walk.above.has(value)) throw unstorable(walk.path, 'it contains itself')
  if (walk.above.size >= maxDepth) throw unstorable([], `it is nested deeper than ${maxDepth} levels`)
  walk.above.add(value)
  const copied = Array.isArray(value)
    ? copyArray(value, walk)
    : isPlain(value)
      ? copyObject(value, walk)
      : copySpecial(value, walk)
  walk.above.delete(value)
  return copied
}

function copyArray(array: readonly unknown[], walk: Walk): unknown[] {
  checkElements(array, walk.path)
  const copied = new Array<unknown>(array.length)
  walk.bytes += 16 + array.length * 8
  // `in` and not a plain loop: a hole must stay a hole to be equal.
  for (let index = 0; index < array.length; index++) {
    if (!(index in array)) continue
    walk.path.push(index)
    copied[index] = copy(array[index], walk)
    walk.path.pop()
  }
  return walk.freeze ? (Object.freeze(copied) as unknown[]) : copied
}

function copyObject(object: object, walk: Walk): object {
  const copied = Object.getPrototypeOf(object) === null ? (Object.create(null) as object) : {}
  const keys = Object.keys(object)
  if (Object.getOwnPropertySymbols(object).length > 0) throw unstorable(walk.path, 'it has a symbol as a key')
  walk.bytes += 24 + keys.length * 16
  for (const key of keys) {
    walk.path.push(key)
    setOwn(copied, key, copy((object as Record<string, unknown>)[key], walk))
    walk.path.pop()
  }
  return walk.freeze ? Object.freeze(copied) : copied
}

function copySpecial(value: object, walk: Walk): object {
  walk.immutable = false
  if (value instanceof Date && isExactly(value, Date)) {
    walk.bytes += 32
    return new Date(value.getTime())
  }
  if (value instanceof Map && isExactly(value, Map)) {
    walk.bytes += 64
    const copied = new Map<unknown, unknown>()
    for (const [key, item] of value as Map<unknown, unknown>) {
      walk.path.push('<key>')
      const copiedKey = copy(key, walk)
      walk.path.pop()
      walk.path.push('<value>')
      copied.set(copiedKey, copy(item, walk))
      walk.path.pop()
    }
    return copied
  }
  if (value instanceof Set && isExactly(value, Set)) {
    walk.bytes += 64
    const copied = new Set<unknown>()
    for (const item of value as Set<unknown>) {
      walk.path.push('<item>')
      copied.add(copy(item, walk))
      walk.path.pop()
    }
    return copied
  }
  if (value instanceof URL && isExactly(value, URL)) {
    walk.bytes += 64 + value.href.length
    return new URL(value.href)
  }
  const kind = bytesKind(value)
  if (kind !== undefined) {
    const bytes = toUint8Array(value as Bytes)
    walk.bytes += 64 + bytes.byteLength
    return fromUint8Array(kind, bytes)
  }
  throw unstorable(walk.path, `it is ${describe(value)}`)
}

/** The class itself, not one that extends it: its copy would be of another class. */
export function isExactly(value: object, constructor: { readonly prototype: object }): boolean {
  return Object.getPrototypeOf(value) === constructor.prototype && Reflect.ownKeys(value).length === 0
}

const byteConstructors: Record<ViewKind, { new (buffer: ArrayBuffer): object; readonly prototype: object }> = {
  ArrayBuffer,
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
}

type ViewKind = Exclude<BytesKind, 'Buffer'>

export type BytesKind =
  | 'ArrayBuffer'
  | 'Buffer'
  | 'DataView'
  | 'Int8Array'
  | 'Uint8Array'
  | 'Uint8ClampedArray'
  | 'Int16Array'
  | 'Uint16Array'
  | 'Int32Array'
  | 'Uint32Array'
  | 'Float32Array'
  | 'Float64Array'
  | 'BigInt64Array'
  | 'BigUint64Array'

/** The name of a byte container's class, or `undefined` for anything else, memory shared with other threads among it. */
export function bytesKind(value: object): BytesKind | undefined {
  if (!((ArrayBuffer.isView(value) ? value.buffer : value) instanceof ArrayBuffer)) return undefined
  if (typeof Buffer !== 'undefined' && Object.getPrototypeOf(value) === Buffer.prototype) return 'Buffer'
  const name = value.constructor.name as ViewKind
  return byteConstructors[name]?.prototype === Object.getPrototypeOf(value) ? name : undefined
}

export function toUint8Array(bytes: Bytes): Uint8Array<ArrayBuffer> {
  return bytes instanceof ArrayBuffer
    ? new Uint8Array(bytes)
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function isBytesKind(name: string): name is BytesKind {
  return name === 'Buffer' || Object.hasOwn(byteConstructors, name)
}

/** A new container of the kind with a copy of the bytes. */
export function fromUint8Array(kind: BytesKind, bytes: Uint8Array): object {
  if (kind === 'Buffer') return Buffer.from(bytes)
  const buffer = new Uint8Array(bytes).buffer
  if (kind === 'ArrayBuffer') return buffer
  return new byteConstructors[kind](buffer)
}

/** Why an array cannot be taken element by element: what is more than its elements would be lost. */
export function oddityOf(array: readonly unknown[]): string | undefined {
  if (!isPlain(array)) return `${describe(array)} of another class`
  const keys = Object.keys(array)
  const last = keys[keys.length - 1]
  const isNamed = last !== undefined && !(Number(last) < array.length)
  if (keys.length > array.length || isNamed || Object.getOwnPropertySymbols(array).length > 0) {
    return 'an array with named properties'
  }
  return array.length - keys.length > maxHoles ? `an array with more than ${maxHoles} holes` : undefined
}

export function checkElements(array: readonly unknown[], path: readonly PropertyKey[]): void {
  const oddity = oddityOf(array)
  if (oddity !== undefined) throw unstorable(path, `it is ${oddity}`)
}

function checkPrimitive(value: unknown, path: readonly PropertyKey[]): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw unstorable(path, `it is ${describe(value)}`)
  return value
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' ? 16 + value.length * 2 : typeof value === 'bigint' ? 32 : 8
}
