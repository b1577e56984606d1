// Sends to a country that its operator has not granted.
// Refused by the engine.
// expect: 400 unsupported_number
// needs: countries=US
export default () => sendSms({ to: '+447911123456', text: 'x' })
