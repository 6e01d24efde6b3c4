// What a wrapper usually loses: type parameters, overloads, `this`, own properties of the function.
import { cached, expectType, type Parsed, type Same } from '../../under-test.ts'

const identity = cached(async <T>(value: T): Promise<T> => value, { name: 'identity', ttl: 60 })
expectType<Same<ReturnType<typeof identity<number>>, Promise<number>>>()
const text: Promise<string> = identity('a')

const firstOptions = cached({ name: 'identity', ttl: 60 })(async <T>(value: T): Promise<T> => value)
const alsoText: Promise<string> = firstOptions('a')

interface Load {
  (id: string): Promise<Parsed>
  (id: number): Promise<number>
}
declare const load: Load
const cachedLoad = cached(load, { keyPrefix: 'load' })
const parsed: Promise<Parsed> = cachedLoad('a')
const count: Promise<number> = cachedLoad(1)

interface Tenant {
  readonly tenantId: string
}
async function ofTenant(this: Tenant, id: number): Promise<string> {
  return `${this.tenantId}${id}`
}
const scoped = cached(ofTenant, { scope: (self) => self.tenantId })
expectType<Same<ThisParameterType<typeof scoped>, Tenant>>()
void scoped.call({ tenantId: 'a' }, 1)

declare const withMock: { (id: string): Promise<number>; readonly mock: { readonly calls: readonly unknown[] } }
const calls: readonly unknown[] = cached(withMock, { name: 'mocked' }).mock.calls

// `any` and `never` are no reason to refuse a function.
declare const untyped: () => Promise<any>
cached(untyped, { name: 'untyped' })
declare const failing: () => Promise<never>
cached(failing, { name: 'failing' })

export const used = [text, alsoText, parsed, count, calls]
