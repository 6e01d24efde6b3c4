/**
 * The sample files and what is known to be true of them, for the demo and the tests.
 */
import { readdir, readFile } from 'node:fs/promises'
import type { FindingCode } from './finding.ts'
import type { DocumentKind } from './steps/validate-content.ts'

export interface ExpectedSample {
  /** Every word on it, in reading order. */
  readonly text?: string
  readonly kind?: DocumentKind
  readonly scan?: 'clean' | 'noisy' | 'rotated'
  readonly tampered?: boolean
  /** The codes of all findings; a code may be found more than once. */
  readonly findings: readonly FindingCode[]
}

export interface Sample {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Beside `src`, and beside `dist/src` two levels up. */
const SAMPLES: URL = new URL(import.meta.url.includes('/dist/src/') ? '../../samples/' : '../samples/', import.meta.url)

export async function readSamples(): Promise<Sample[]> {
  const names = (await readdir(SAMPLES)).filter((name) => name !== 'expected.json').sort()
  return Promise.all(names.map(readSample))
}

export async function readSample(name: string): Promise<Sample> {
  return { name, bytes: new Uint8Array(await readFile(new URL(name, SAMPLES))) }
}

export async function readExpected(): Promise<Record<string, ExpectedSample>> {
  return JSON.parse(await readFile(new URL('expected.json', SAMPLES), 'utf8')) as Record<string, ExpectedSample>
}
