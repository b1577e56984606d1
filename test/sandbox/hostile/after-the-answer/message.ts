// Sends an SMS once the answer is given.
// Refused: calls that are begun after the answer do not happen.
// expect: 200 answer null
export const prepare = async (_, call) => {
  await storage.set('run', call.id)
  void (async () => {
    for (let n = 0; n < 100; n++) await null
    await sendSms({ to: '+12025550000', text: 'late' })
  })()
  return 'answered'
}
export default async () => (await message(`${await storage.get('run')}.1`)) ?? null
