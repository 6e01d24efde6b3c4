// A process' side of being called like an object: what its parent asks for is looked up by name and answered. See fleet-process.ts.

export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type Answer = { readonly id: number } & ({ readonly value?: unknown } | { readonly error: string })

type Methods = Readonly<Record<string, (...args: never[]) => unknown>>

/** @returns `methods`, so that the parent can name their types */
export function serve<M extends Methods>(methods: M): M {
  const table = methods as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
  const answer = (message: Answer): void => void process.send?.(message)
  process.on('message', ({ id, method, args }: Call) => {
    Promise.resolve()
      .then(() => table[method]?.(...args))
      .then(
        (value) => answer({ id, value }),
        (error: unknown) => answer({ id, error: error instanceof Error ? (error.stack ?? '') : String(error) }),
      )
  })
  // A parent that is gone cannot say when to end.
  process.on('disconnect', () => process.exit(1))
  answer({ id: 0 })
  return methods
}
