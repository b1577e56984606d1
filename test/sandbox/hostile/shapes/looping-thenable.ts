// Answers with a thenable whose then never returns.
// Called inside the turn, so the time limit stops it.
// expect: 504 script_timeout limit=cpu
export default () => ({
  then() {
    for (;;);
  },
})
