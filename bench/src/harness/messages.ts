// What the parent process and a measuring process say to each other. One question, one answer, one at a time: while one
// measuring process works, all others wait, but for those of one fleet.
import type { Sample, WarmUp } from './probe.ts'
import type { ColdCall, Observation } from './suite.ts'

export interface Pace extends WarmUp {
  /** Rounds per case. */
  readonly rounds: number
  /** A slow subject gets fewer rounds than `rounds` when all of them would take longer than this. */
  readonly subjectMs: number
  readonly bytesRepetitions: number
  /** How long a call in a drill is waited for. */
  readonly answerMs: number
}

export type Question =
  | { readonly ask: 'open'; readonly pace: Pace }
  | { readonly ask: 'round'; readonly floorFirst: boolean }
  | { readonly ask: 'bytes' }
  | { readonly ask: 'close' }
  // In a drill, again and again: a new cache, and calls of it.
  | { readonly ask: 'use' }
  | { readonly ask: 'call'; readonly limitMs: number }
  // In a fleet, to each of its processes.
  | { readonly ask: 'join' }
  | { readonly ask: 'do'; readonly order: string; readonly input: unknown }

export interface RoundAnswer {
  readonly floor: Sample
  readonly subject: Sample
  readonly observed: readonly Observation[]
}

export interface BytesAnswer {
  readonly floor: number | undefined
  readonly subject: number | undefined
}

export type Answer =
  | { readonly error: string }
  | {
      readonly error?: undefined
      readonly round?: RoundAnswer
      readonly bytes?: BytesAnswer
      readonly usedKey?: string
      readonly call?: ColdCall
      readonly done?: unknown
    }
