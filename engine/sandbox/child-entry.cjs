// The first lines of a sandbox process. Its own code comes through the pipe, as
// one line of JSON, so that the process may read no file but this one and the
// addon, and starts without looking for modules.

const { compileFunction } = require('node:vm')

let text = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', function first(piece) {
  text += piece
  const end = text.indexOf('\n')
  if (end === -1) return
  process.stdin.off('data', first)
  const code = JSON.parse(text.slice(0, end))
  compileFunction(code, ['require', 'received'], { filename: 'patchcord:child' })(require, text.slice(end + 1))
})
