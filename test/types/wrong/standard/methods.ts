// Wrong uses of standard decorators.
import { cached, type Parsed } from '../../under-test.ts'

class Other {
  readonly otherId: string = ''
}

class Parser {
  // error: Type 'Promise<unknown>' is not assignable to type 'number'
  // error: Type 'number' is not assignable to type 'Promise<unknown>'
  @cached({ name: 'sync' })
  sync(): number {
    return 1
  }

  // error: AsyncFunction
  @cached({ name: 'field' })
  field: number = 1

  // error: "getter"
  @cached({ name: 'getter' })
  get value(): Promise<number> {
    return Promise.resolve(1)
  }

  // error: does not fit the arguments or the result of this function
  @cached({ tags: (wrong: { other: string }) => [wrong.other] })
  async parse(hash: string): Promise<Parsed> {
    return { pages: 1, text: hash }
  }

  // error: Other
  @cached({ scope: (self: Other) => self.otherId })
  async scoped(hash: string): Promise<Parsed> {
    return { pages: 1, text: hash }
  }

  // error: is not assignable
  @cached
  async bare(): Promise<number> {
    return 1
  }
}

// error: is not assignable to type 'void | typeof Decorated'
// error: Type 'typeof Decorated' provides no match for the signature
@cached({ name: 'class' })
class Decorated {}

export const used = [Parser, Decorated]
