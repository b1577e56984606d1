// Sends to a country that is not granted in its second turn, behind one that is.
// Refused by the engine; what was granted is sent.
// expect: 400 unsupported_number
// needs: countries=US
export default async () => {
  await sendSms({ to: '+12025550000', text: 'granted' })
  await sendSms({ to: '+33612345678', text: 'not granted' })
}
