// One text for many, to see whether two runs had the same histories to the last character.
import { createHash } from 'node:crypto'

export interface Digest {
  add(lines: readonly string[]): void
  end(): string
}

export function digestOf(): Digest {
  const hash = createHash('sha256')
  return {
    add: (lines) => void hash.update(`${lines.join('\n')}\n\n`),
    end: () => hash.digest('hex'),
  }
}
