// The byte containers that can be cached: every typed array, Buffer, DataView and ArrayBuffer, of memory that no other thread
// sees. A copy has memory of its own, outside the pool that small Buffers share: who gets one could reach its neighbours there.

export type Bytes = ArrayBufferView<ArrayBuffer> | ArrayBuffer

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
  const { buffer } = new Uint8Array(bytes)
  if (kind === 'ArrayBuffer') return buffer
  return kind === 'Buffer' ? Buffer.from(buffer) : new byteConstructors[kind](buffer)
}
