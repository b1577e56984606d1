// Answers with an object that loops when a field is read.
// Read inside the turn, so the time limit stops it.
// expect: 504 script_timeout limit=cpu
export default () => ({
  get field() {
    for (;;);
  },
})
