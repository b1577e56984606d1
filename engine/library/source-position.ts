// From the bundle that runs back to the file that the operator edits.

import { SourceMap, type SourceMapPayload } from 'node:module'

export interface SourcePositions {
  /** A guest stack with the script's own frames only, as `at name (scripts/otp.ts:12:5)`. */
  stack(stack: string): string
  /** `scripts/otp.ts:12:5` of the first frame that is the script's, undefined when there is none. */
  first(stack: string): string | undefined
}

const framePattern = /^\s*at .*:\d+:\d+\)?$/

/** `filename` is what the bundle was compiled as, `map` its source map, `shown` turns a source's path into what operators know. */
export function createPositions(filename: string, map: string, shown: (source: string) => string): SourcePositions {
  let sourceMap: SourceMap | undefined
  // The name is looked for as it is: a folder's name may hold spaces and brackets.
  const ownFrame = new RegExp(String.raw`^\s*at (?:(.*?) \()?${RegExp.escape(filename)}:(\d+):(\d+)\)?$`)

  function locate(line: string): { name: string; place: string } | undefined {
    const frame = ownFrame.exec(line)
    if (frame === null) return undefined
    sourceMap ??= new SourceMap(JSON.parse(map) as SourceMapPayload)
    const entry = sourceMap.findEntry(Number(frame[2]) - 1, Number(frame[3]) - 1)
    if (!('originalSource' in entry)) return undefined
    return {
      name: frame[1] ?? '',
      place: `${shown(entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`,
    }
  }

  return {
    stack(stack) {
      const lines = stack.split('\n')
      const firstFrame = lines.findIndex(line => framePattern.test(line))
      const head = firstFrame === -1 ? lines : lines.slice(0, firstFrame)
      const frames = lines.flatMap(line => {
        const found = locate(line)
        if (found === undefined) return []
        return [found.name === '' ? `    at ${found.place}` : `    at ${found.name} (${found.place})`]
      })
      return [...head, ...frames].join('\n')
    },
    first(stack) {
      for (const line of stack.split('\n')) {
        const found = locate(line)
        if (found !== undefined) return found.place
      }
      return undefined
    },
  }
}
