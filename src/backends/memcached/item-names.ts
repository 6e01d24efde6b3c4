import { createHash } from 'node:crypto'

// What a key is called on the server. A name there has at most 250 bytes and neither blanks nor control characters
// (https://github.com/memcached/memcached/blob/master/doc/protocol.txt, "Keys"). A key that is such a name keeps it, so that other programs
// find it under the same one. Every other goes by its hash, and so does one that looks like a name made here: no caller can choose a key
// that meets another key's hash, a lease or the tag clock.
//
//   document:parse:abc      itself
//   #h:<SHA-256>            a key that is too long, holds blanks or other characters than ASCII, or begins like one of these
//   #l:<SHA-256>            the lease of a key
//   #t:<SHA-256>            the tag clock of a prefix

const safe = /^[\x21-\x7e]{1,250}$/
const ours = /^#[hlt]:/

export function itemName(key: string): string {
  return safe.test(key) && !ours.test(key) ? key : `#h:${digest(key)}`
}

export function leaseName(key: string): string {
  return `#l:${digest(key)}`
}

export function clockName(prefix: string): string {
  return `#t:${digest(prefix)}`
}

/** Two texts with the same would share an entry: none are known. Lone surrogates count as they are, not as one replacement character. */
function digest(text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('base64url')
}
