/**
 * Puts many files through the pipeline, one after the other. A bad file is an outcome like any other: it is written down
 * with its reason, and the batch goes on.
 */
import { examine, type Report } from './pipeline.ts'
import type { Sample } from './samples.ts'

export type Outcome =
  | { readonly name: string; readonly report: Report; readonly error?: undefined }
  | { readonly name: string; readonly report?: undefined; readonly error: string }

export async function runBatch(
  files: readonly Sample[],
  onFile: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const file of files) {
    const outcome = await outcomeOf(file)
    outcomes.push(outcome)
    onFile(outcome)
  }
  return outcomes
}

async function outcomeOf({ name, bytes }: Sample): Promise<Outcome> {
  try {
    return { name, report: await examine(name, bytes) }
  } catch (error) {
    return { name, error: error instanceof Error ? error.message : String(error) }
  }
}
