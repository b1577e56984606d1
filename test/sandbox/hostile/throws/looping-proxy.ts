// Throws a Proxy that loops as soon as anybody looks at it.
// Looked at inside the turn, so the time limit stops it.
// expect: 504 script_timeout limit=cpu
export default () => {
  throw new Proxy(
    {},
    {
      get() {
        for (;;);
      },
    },
  )
}
