// Sends its messages and has its process killed, to be repeated and send them again.
// Repeated from its journal: what was sent is not sent again.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed
export default async () => {
  for (let n = 0; n < 2; n++) await sendSms({ to: '+12025550001', text: `once ${n}` })
  return new Array(60e6).fill(1).length
}
