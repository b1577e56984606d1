// Sends one message more than it may.
// Stopped by the budget of messages, which cannot be caught.
// expect: 500 script_limit limit=messages
export default async () => {
  for (let n = 0; n < 6; n++) await sendSms({ to: '+12025550000', text: `message ${n}` }).catch(() => 'caught')
  return 'sent'
}
