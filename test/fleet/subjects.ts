// What the processes of the fuzz read: keys of several kinds, with overlapping tags, and digests, which are made of one key each. A digest
// carries the version of its key and is reached by that key's tags only: `delete` is exact.

export type Kind = 'plain' | 'swr' | 'error' | 'short' | 'frozen' | 'large' | 'digest'

export interface Subject {
  readonly name: string
  readonly kind: Kind
  readonly tags: readonly string[]
  /** Whose version its values carry. */
  readonly source: string
}

const kinds: readonly Kind[] = [
  ...Array<Kind>(8).fill('plain'),
  ...Array<Kind>(4).fill('swr'),
  ...Array<Kind>(3).fill('error'),
  ...Array<Kind>(2).fill('short'),
  ...Array<Kind>(2).fill('frozen'),
  // Values over 64 KB take another way than the rest.
  'large',
]

export const tags: readonly string[] = ['red', 'green', 'blue', 'grey']

export const keys: readonly Subject[] = kinds.map((kind, at) => {
  const name = `k${at}`
  const [one = '', other = ''] = [tags[at % 4], tags[(at + 1 + (at % 3)) % 4]]
  return { name, kind, source: name, tags: at % 3 === 0 ? [one] : [one, other] }
})

const digests: readonly Subject[] = keys
  .filter(({ kind }) => kind === 'plain')
  .slice(0, 3)
  .map(({ name, tags }) => ({ name: `d-${name}`, kind: 'digest', source: name, tags }))

export const subjects: readonly Subject[] = [...keys, ...digests]

const byName = new Map(subjects.map((subject) => [subject.name, subject]))

export const sourceOf = (name: string): string => byName.get(name)?.source ?? name

/** The keys that a tag reaches; all without one. */
export function keysWith(tag?: string): string[] {
  return keys.filter((key) => tag === undefined || key.tags.includes(tag)).map(({ name }) => name)
}

/** What a tag reaches, digests too, at the versions of their sources; without those whose source has none. */
export function reachedBy(tag: string | undefined, versions: ReadonlyMap<string, number>): Record<string, number> {
  const reached: Record<string, number> = {}
  for (const { name, source, tags: own } of subjects) {
    const version = versions.get(source)
    if (version !== undefined && (tag === undefined || own.includes(tag))) reached[name] = version
  }
  return reached
}
