// Sets timers without end.
// Stopped by the budget of calls.
// expect: 500 script_limit limit=hostCalls
export default async () => {
  for (;;) await schedule('again', {}, { after: '24h' })
}
