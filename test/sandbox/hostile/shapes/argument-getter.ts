// Gives a call an argument that loops when it is read.
// Read inside the turn, so the time limit stops it.
// expect: 504 script_timeout limit=cpu
export default () =>
  sendSms({
    get to() {
      for (;;);
    },
    text: 'x',
  })
