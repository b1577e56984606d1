// Has fifty messages refused, which count for nothing, and sends five behind them.
// Stopped by the budget of calls.
// expect: 500 script_limit limit=hostCalls
// needs: countries=US
export default async () => {
  for (let n = 0; n < 48; n++) await sendSms({ to: '+447911123456', text: 'refused' }).catch(() => {})
  for (let n = 0; n < 5; n++) await sendSms({ to: '+12025550000', text: 'sent' })
}
