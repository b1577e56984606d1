// What engine and child say to each other: lines of tab-separated fields over
// the child's stdin and stdout, many lines per write. The last field may be
// JSON, whose text holds neither tabs nor line breaks, so nothing is encoded
// twice and nothing has to be parsed to be passed on.
//
//   engine to child
//     setup    JSON {guest, settings, limits}                 once, first
//     texts    JSON {language: texts}                          once, and again when texts change
//     makeCache                                                of a process that no script has been in: a code cache
//     cache    JSON {ses, guest}                               what another one answered to that
//     script   hash  JSON {code, filename}                     before the first isolate of a version
//     isolate  isolate  hash  memoryMb  world                  makes room for runs of a version, or for one (`run`)
//     turn     turn  isolate  run  limitMs  now  guesses  JSON turn   one entry for one run
//     forget   isolate  run                                    the run is over, whatever it waits for
//     drop     isolate                                         no run of it is left
//     manifest turn  limitMs  memoryMb  JSON {code, filename}  what does this script export?
//
//   child to engine
//     ready                                                    the setup is done
//     cache    JSON {ses, guest}                               child-code-cache.ts
//     alive                                                    an isolate has been made
//     done     turn  cpuUs  JSON [statement, …]                the turn has ended by itself
//     lost     turn  reason  cpuUs  isolate  JSON stack        the turn was stopped, here; its isolate is gone
//     heap     isolate  bytes                                  now and then
//
// `turn` numbers are the engine's; statements are described in guest/main.ts.
// Every line of the child answers one of the engine's: one that answers nothing,
// or says what is not in this list, ends the child (lane.ts).

/** Why a turn did not end: `gone` tells of an isolate that an earlier turn of the same write had lost. */
export type LossReason = 'timeout' | 'memory' | 'gone'

export function line(...fields: Array<string | number>): string {
  return `${fields.join('\t')}\n`
}

/** The child tells what came of a turn before so many others have ended. */
export const mostUntold = 8

/** The longest line of a child that keeps to its own limit of 8,000,000 characters for one turn. */
export const longestLine = 8_400_000

/**
 * Cuts a stream of text into whole lines; what has no end yet waits for the next
 * piece. A line of more than `most` characters is the last thing that is read:
 * `tooLong` is called once, and nothing is kept.
 */
export function createLineReader(
  onLine: (line: string) => void,
  most = Infinity,
  tooLong: () => void = () => {},
): (piece: string) => void {
  let rest = ''
  let over = false
  return piece => {
    if (over) return
    let begin = 0
    let end = piece.indexOf('\n')
    if (rest.length + (end === -1 ? piece.length : end) > most) {
      over = true
      rest = ''
      return tooLong()
    }
    if (end === -1) {
      rest += piece
      return
    }
    onLine(rest + piece.slice(0, end))
    begin = end + 1
    for (end = piece.indexOf('\n', begin); end !== -1; end = piece.indexOf('\n', begin)) {
      onLine(piece.slice(begin, end))
      begin = end + 1
    }
    rest = piece.slice(begin)
  }
}

/** Splits a line into its first `count - 1` fields and the rest as the last one. */
export function fields(text: string, count: number): string[] {
  const result: string[] = []
  let begin = 0
  for (let field = 1; field < count; field++) {
    const end = text.indexOf('\t', begin)
    if (end === -1) break
    result.push(text.slice(begin, end))
    begin = end + 1
  }
  result.push(text.slice(begin))
  return result
}
