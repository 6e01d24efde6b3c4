// A lease lies beside its key, under a name of its own, in the same slot of a cluster: scripts change both in one step. A cluster places a
// key by what stands between its first `{` and the next `}`, if anything does, else by the whole of it
// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags). So
//
//   a{b}c    the part in braces places both               a{b}c#l
//   abc      braces around the whole make it that part    {abc}#l
//   {abc}    its lease would be that of `abc`             {abc}#l#l
//   a}b a{}b no name could be placed by the whole: it     a}b#l     there a cluster refuses the script; one server does not mind
//            would end at the brace
//
// No key of a caller ends in `#l`, so every lease key has one key, and every key one lease key.

const ending = '#l'

/** What a cluster places the key by is a part of it. */
const tagged = /^[^{]*\{[^}]+\}/
/** The form that a lease key of an untagged key has, without its ending. */
const braced = /^\{[^}]+\}$/

export function leaseKeyOf(key: string): string {
  if (braced.test(key)) return key + ending + ending
  if (tagged.test(key) || key.includes('}') || key === '') return key + ending
  return `{${key}}${ending}`
}

/** @returns the key that the lease is of; `undefined`: it is no lease key */
export function keyOfLease(leaseKey: string): string | undefined {
  if (!leaseKey.endsWith(ending)) return undefined
  const name = leaseKey.slice(0, -ending.length)
  if (name.endsWith(ending)) return name.slice(0, -ending.length)
  return braced.test(name) ? name.slice(1, -1) : name
}
