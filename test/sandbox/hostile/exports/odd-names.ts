// Exports names with tabs and line breaks, which part the words of the protocol.
// Names are JSON like everything that crosses.
// expect: 200 answer ["default","a\tb\ndone\t1\t0\t[]"]
const odd = () => 'odd'
const all = () => Object.keys(module.exports)
module.exports = { default: all, 'a\tb\ndone\t1\t0\t[]': odd }
