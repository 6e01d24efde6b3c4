/** Turns a value into text and back. `decode(encode(value))` must equal `value` (`util.isDeepStrictEqual`). */
export interface Codec<T = unknown> {
  /**
   * Written into each stored entry. An entry whose codec has another name is a miss, so a format can be changed by
   * changing the name. Letters, digits, `.`, `_`, `-`, `/`, `+`.
   */
  readonly name: string
  /** @throws when the value cannot be represented; the value is then returned to the caller and stored nowhere. */
  encode(value: T): string
  /** @throws when the text is not what `encode` writes; the entry is then a miss. */
  decode(text: string): T
}

/**
 * The part of the Standard Schema interface (https://standardschema.dev, version 1) this package uses; zod, valibot
 * and arktype schemas have it. A schema is a **guard** here: only its verdict counts, its output is not used,
 * except by `getValue(key, { schema })`.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What a Standard Schema answers: a value, or issues. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<{ readonly message: string }> }
