// Methods under standard decorators: the method keeps its type, `cacheOf` finds the members of the cached one.
import { cached, cacheOf, expectType, type Parsed, type Same } from '../../under-test.ts'

class Parser {
  readonly tenantId: string = 'a'

  @cached({ keyPrefix: 'document', ttl: '24h' })
  async parse(hash: string, pages?: number): Promise<Parsed> {
    return { pages: pages ?? 1, text: hash + this.tenantId }
  }

  @cached({ scope: (self: Parser) => self.tenantId, tags: (result: Parsed, hash: string) => [result.text, hash] })
  async scoped(hash: string): Promise<Parsed> {
    return this.parse(hash)
  }

  @cached({ name: 'generic' })
  async generic<T>(value: T): Promise<T> {
    return value
  }

  @cached({ name: 'static' })
  static async counted(): Promise<number> {
    return 1
  }
}

const parser = new Parser()
expectType<Same<ReturnType<typeof parser.parse>, Promise<Parsed>>>()
const text: Promise<string> = parser.generic('a')

const handle = cacheOf(parser, 'parse')
expectType<Same<Parameters<typeof handle.keyFor>, [hash: string, pages?: number | undefined]>>()
expectType<Same<ReturnType<typeof handle.refresh>, Promise<Parsed>>>()
void handle.invalidate('a')
void Parser.counted()

export const used = [text]
