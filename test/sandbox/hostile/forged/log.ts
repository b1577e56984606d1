// Writes lines that look like those of the protocol, with lone halves of characters.
// Text like other text.
// expect: 200 answer "fine"
export default () => {
  for (const end of ['\n', '\r\n', '\u2028', '\ud800', '\u0000']) log.info(`lost\t1\ttimeout\t0\ti1${end}`)
  return 'fine'
}
