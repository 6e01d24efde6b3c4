/**
 * The one OCR worker of the process: started by the first page that has to be read, reused by all others, stopped by
 * `closeOcr`. The language data comes from an npm package, so reading needs no network.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWorker, OEM, PSM, type Worker } from 'tesseract.js'

export interface Reading {
  readonly text: string
  /** What the engine thinks of its own reading, 0 to 100. */
  readonly confidence: number
}

const languageData = join(
  dirname(fileURLToPath(import.meta.resolve('@tesseract.js-data/eng/package.json'))),
  '4.0.0_best_int',
)

let worker: Promise<Worker> | undefined

/** Reads an encoded image whose text runs from left to right. */
export async function recognise(image: Buffer): Promise<Reading> {
  worker ??= start()
  const { data } = await (await worker).recognize(image)
  return { text: data.text, confidence: data.confidence }
}

/** Stops the worker, if there is one; the process cannot end before. */
export async function closeOcr(): Promise<void> {
  const stopping = worker
  worker = undefined
  await (await stopping)?.terminate()
}

async function start(): Promise<Worker> {
  try {
    const started = await createWorker('eng', OEM.LSTM_ONLY, {
      langPath: languageData,
      cacheMethod: 'none',
      gzip: true,
    })
    // Forms have wide gaps between columns: read them row by row, as a person does.
    // The engine's remarks on a page would run into the output of whoever uses it.
    await started.setParameters({
      tessedit_pageseg_mode: PSM.SINGLE_COLUMN,
      user_defined_dpi: '150',
      debug_file: '/dev/null',
    })
    return started
  } catch (error) {
    worker = undefined
    throw error
  }
}
