// One process of a fleet: a cache with the default options, whose parent calls its methods. See fleet-process.ts.
import { createCache } from '../../src/index.ts'

/** The manual operations a test calls across processes. */
export type Method = 'getValue' | 'setValue' | 'delete' | 'invalidateTags' | 'clear' | 'healthReport' | 'close'

export interface Call {
  readonly id: number
  readonly method: Method
  readonly args: readonly unknown[]
}

export type Answer = { readonly id: number } & ({ readonly value?: unknown } | { readonly error: string })

const manager = createCache({ url: process.env['FLEET_URL'], logLevel: 'silent' })
const methods = manager as unknown as Record<Method, (...args: readonly unknown[]) => Promise<unknown>>

process.on('message', ({ id, method, args }: Call) => {
  const answer = (message: Answer): void => void process.send?.(message)
  methods[method](...args).then(
    (value) => answer({ id, value }),
    (error: unknown) => answer({ id, error: String(error) }),
  )
})
