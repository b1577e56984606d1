// Keeps formatters, whose memory is ICU's and counted by nobody.
// Stopped by the time limit, or by the watch over the process.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed
export default () => {
  const all = []
  for (let n = 0; ; n++) all.push(new Intl.DateTimeFormat(n % 2 ? 'en' : 'ar', { dateStyle: 'full', timeZone: 'UTC' }))
}
