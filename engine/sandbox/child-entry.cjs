// The first lines of a sandbox process. Its own code comes through the pipe, as
// one line of JSON, so that the process may read no file but this one and the
// addon, and starts without looking for modules.
//
// The process does one thing after another and waits in between, so it reads
// without an event loop: that would cost more than a short turn.

const { readSync } = require('node:fs')
const { StringDecoder } = require('node:string_decoder')
const { compileFunction } = require('node:vm')

const piece = Buffer.allocUnsafe(65_536)
const decoder = new StringDecoder('utf8')

/** What came next; undefined when the engine has closed the pipe. */
function next() {
  const length = readSync(0, piece)
  return length === 0 ? undefined : decoder.write(piece.subarray(0, length))
}

let text = ''
while (!text.includes('\n')) {
  const more = next()
  if (more === undefined) process.exit(0)
  text += more
}
const end = text.indexOf('\n')
const code = JSON.parse(text.slice(0, end))
compileFunction(code, ['require', 'received', 'next'], { filename: 'patchcord:child' })(
  require,
  text.slice(end + 1),
  next,
)
