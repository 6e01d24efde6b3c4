// object-hash comes without types; this is the one call that is measured.
declare module 'object-hash' {
  export default function hash(value: unknown): string
}
