// The first lines of a sandbox process. Its own code comes through the pipe, as
// one line of JSON, so that the process may read no file but this one and the
// addon, and starts without looking for modules.
//
// The process does one thing after another and waits in between, so it reads
// without an event loop: that would cost more than a short turn.

const { closeSync, readSync } = require('node:fs')
const os = require('node:os')
const { StringDecoder } = require('node:string_decoder')
const v8 = require('node:v8')
const { compileFunction } = require('node:vm')

// What the engine was started with is nothing for scripts: whoever started it
// may have left files open, and every process hands those on.
for (const fd of process.argv[3].split(',')) if (fd !== '') closeSync(Number(fd))

// The addon is loaded here, because nothing else is to be: Node lets a process
// that may load one load them all, whatever files it may read, and some of those
// beside this one read any file. Nor has it to do with any process but itself.
const addon = { exports: {} }
process.dlopen(addon, process.argv[2])
for (const name of ['dlopen', 'kill', '_kill', '_debugProcess', '_debugEnd']) delete process[name]
delete os.setPriority
// Some flags make V8 write files, past the permission model. (Node's own way to
// freeze them, --freeze-flags-after-init, ends the process: the addon sets one.)
delete v8.setFlagsFromString

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
compileFunction(code, ['require', 'received', 'next', 'addon'], { filename: 'patchcord:child' })(
  require,
  text.slice(end + 1),
  next,
  addon.exports,
)
