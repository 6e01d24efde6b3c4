// Stands for the reader's own application: work that takes long, a database, and a note of everything that was really done.

export interface ParsedDocument {
  readonly hash: string
  readonly pages: number
}

/** What was done, in order: `parse abc`, `statistics`, ... A cached call that hits leaves nothing here. */
export const done: string[] = []

export async function expensiveParsing(fileHash: string): Promise<ParsedDocument> {
  done.push(`parse ${fileHash}`)
  return await Promise.resolve({ hash: fileHash, pages: 3 })
}

export async function countDocuments(): Promise<{ readonly documents: number }> {
  done.push('statistics')
  return await Promise.resolve({ documents: 2 })
}

export async function expensiveScoring(documentId: string): Promise<number> {
  const content = await database.load(documentId)
  done.push(`score ${documentId}`)
  return content.length
}

/** Documents by id. */
export const database = {
  contents: new Map<string, Uint8Array>(),
  async load(documentId: string): Promise<Uint8Array> {
    return await Promise.resolve(this.contents.get(documentId) ?? new Uint8Array())
  },
  async save(documentId: string, content: Uint8Array): Promise<void> {
    await Promise.resolve(this.contents.set(documentId, content))
  },
}

/** A class instance, as a model often is: JSON alone would lose its methods. */
export class Model {
  readonly version: string
  readonly weights: readonly number[]

  constructor(version: string, weights: readonly number[]) {
    this.version = version
    this.weights = weights
  }

  score(value: number): number {
    return this.weights.reduce((sum, weight) => sum + weight * value, 0)
  }

  toJSON(): { version: string; weights: readonly number[] } {
    return { version: this.version, weights: this.weights }
  }

  static from(json: { readonly version: string; readonly weights: readonly number[] }): Model {
    return new Model(json.version, json.weights)
  }
}

export async function trainModel(): Promise<Model> {
  done.push('train')
  return await Promise.resolve(new Model('2025-01', [1, 2]))
}
