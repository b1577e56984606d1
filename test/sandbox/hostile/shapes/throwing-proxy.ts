// Answers with a Proxy that throws at every touch.
// An error like others.
// expect: 500 script_error
// says: touched
export default () =>
  new Proxy(
    {},
    {
      get(_, key) {
        if (key === 'then') return undefined
        throw new Error('touched')
      },
    },
  )
