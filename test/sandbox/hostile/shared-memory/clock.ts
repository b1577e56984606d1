// Measures time, to listen to what runs beside it.
// Time stands still within a turn.
// expect: 200 answer [0,0,"0"]
export default () => {
  const began = Date.now()
  const format = new Intl.DateTimeFormat('en', { fractionalSecondDigits: 3, second: 'numeric', timeZone: 'UTC' })
  const shown = format.format()
  for (let n = 0; n < 3e6; n++);
  return [Date.now() - began, new Date() - began, shown === format.format() ? '0' : 'ticks']
}
