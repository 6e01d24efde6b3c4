// Wrong uses of legacy decorators. A `scope` for another class is not among them: only standard decorators know the class.
import { cached, type Parsed } from '../../under-test.ts'

class Parser {
  // error: is not assignable to type 'Promise<unknown>'
  @cached({ name: 'sync' })
  sync(): number {
    return 1
  }

  // error: is expected to be 'void' or 'any'
  // error: Type 'Parser' provides no match for the signature
  @cached({ name: 'field' })
  field: number = 1

  // error: is not assignable
  @cached({ name: 'getter' })
  get value(): Promise<number> {
    return Promise.resolve(1)
  }

  // error: does not fit the arguments or the result of this function
  @cached({ tags: (wrong: { other: string }) => [wrong.other] })
  async parse(hash: string): Promise<Parsed> {
    return { pages: 1, text: hash }
  }

  // error: is not assignable
  @cached
  async bare(): Promise<number> {
    return 1
  }
}

export const used = [Parser]
