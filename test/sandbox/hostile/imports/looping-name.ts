// Imports a name that loops when it is made a text.
// Made a text inside the turn if at all, so the time limit stops it.
// expect: 500 script_error or 504 script_timeout limit=cpu
export default () =>
  import({
    toString() {
      for (;;);
    },
  })
