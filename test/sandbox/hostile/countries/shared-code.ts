// Sends to another country of the same calling code.
// Refused: the country counts, not the digits before it.
// expect: 400 unsupported_number
// needs: countries=US
export default () => sendSms({ to: '+16135550123', text: 'x' })
