// A version of a script, ready to run.

import type { Fields } from './fields.ts'
import type { SourcePositions } from './source-position.ts'

/** What the configuration says of one script. */
export interface ScriptSettings {
  countries: string[]
  memoryMb: number
  /** `run`: each run has an isolate of its own, made for it and gone with it. */
  isolation: 'shared' | 'run'
}

export interface ScriptVersion {
  name: string
  /** Which version: letters of the code's hash. */
  hash: string
  filename: string
  code: string
  /** The code's source map, as JSON. */
  map: string
  /** What the operator wrote. */
  source: string
  exports: ReadonlySet<string>
  fields: Fields
  /** What its author wants the operator to be told when it is loaded. */
  warnings: string[]
  positions: SourcePositions
  settings: ScriptSettings
  loadedAt: number
}

export interface ManifestFailure {
  message: string
  stack: string
  /** The process that looked has ended. */
  ended?: boolean
}

/** What a look at a script's exports found. */
export type Manifest = { exports: string[]; fields: unknown; warnings: unknown } | { failure: ManifestFailure }

export interface ScriptProblem {
  /** As the operator knows it: `scripts/otp.ts`. */
  file: string
  line: number
  /** From 1. */
  column: number
  message: string
}

/** A script that cannot be used, with every problem at its place. */
export class ScriptProblems extends Error {
  readonly problems: ScriptProblem[]

  constructor(problems: ScriptProblem[]) {
    super(problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('; '))
    this.name = 'ScriptProblems'
    this.problems = problems
  }
}
