// The codec and the copy are not public, so their cost alone is measured on the built files, found beside the package's entry.
// Only for the suite `values`: everything else goes through the public interface, as users do.

interface CodecFile {
  readonly jsonCodec: { encode(value: unknown): string; decode(text: string): unknown }
}
interface ValuesFile {
  readonly copyValue: (value: unknown, freeze: boolean) => { readonly value: unknown; readonly plan: unknown }
}
interface PlanFile {
  readonly cloneWith: (plan: unknown, value: unknown) => unknown
}

const built = async (path: string): Promise<unknown> =>
  import(new URL(path, import.meta.resolve('@speedrun/cache')).href)

export async function builtCodec(): Promise<CodecFile['jsonCodec']> {
  const { jsonCodec } = (await built('./codecs/json.js')) as CodecFile
  return jsonCodec
}

/** @returns for a value the function that makes one copy of it, as a hit with `isolation: 'copy'` does */
export async function builtCopy(): Promise<(value: unknown) => () => unknown> {
  const { copyValue } = (await built('./support/values.js')) as ValuesFile
  const { cloneWith } = (await built('./support/clone-plan.js')) as PlanFile
  return (value) => {
    const { value: stored, plan } = copyValue(value, false)
    return () => cloneWith(plan, stored)
  }
}
