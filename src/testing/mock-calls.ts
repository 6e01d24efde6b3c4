import { describe, misuse, quote } from '../support/errors.ts'

// What a mock was asked, and what it answers.

const methods = [
  'connect', 'get', 'set', 'delete', 'exists', 'ping', 'close', 'batch.get', 'batch.delete', 'tags.read', 'tags.stamp', 'tags.renew',
  'scan.keys', 'leases.acquire', 'leases.renew', 'leases.fill', 'leases.release',
] as const // prettier-ignore

/** A method of a backend, those of a capability behind its name. */
export type MockMethod = (typeof methods)[number]

export interface MockCall {
  readonly method: MockMethod
  readonly args: readonly unknown[]
}

type Answer = (...args: never[]) => unknown

export class MockCalls {
  all: MockCall[] = []
  readonly #answers: Map<MockMethod, Answer> = new Map()
  readonly #once: Map<MockMethod, Answer[]> = new Map()
  #failure: Error | undefined

  /** @throws {TypeError} `CACHE_BAD_OPTION` for a method that no mock has */
  set(method: MockMethod, answer: Answer | undefined, isOnce: boolean): void {
    if (!methods.includes(method))
      throw misuse('CACHE_BAD_OPTION', `A mock has no method ${quote(method)}: it has ${methods.join(', ')}`)
    if (answer !== undefined && typeof answer !== 'function') {
      throw misuse('CACHE_BAD_OPTION', `An answer must be a function that gives it, got ${describe(answer)}`)
    }
    if (answer === undefined) this.#answers.delete(method)
    else if (isOnce) this.#once.set(method, [...(this.#once.get(method) ?? []), answer])
    else this.#answers.set(method, answer)
  }

  fail(error: Error | undefined): void {
    this.#failure = error
  }

  clear(): void {
    // A new list: whoever has taken the old one keeps what it saw.
    this.all = []
  }

  /** Notes the call, and answers as it was told to, else rightly. Closing never fails: what was opened must end. */
  answer<T>(method: MockMethod, args: readonly unknown[], rightly: () => T): T {
    this.all.push({ method, args })
    const answer = this.#once.get(method)?.shift() ?? this.#answers.get(method)
    if (answer !== undefined) return answer(...(args as never[])) as T
    if (this.#failure !== undefined && method !== 'close') throw this.#failure
    return rightly()
  }
}
