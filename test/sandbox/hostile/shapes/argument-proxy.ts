// Gives a call a Proxy that throws when its fields are listed.
// A call that failed before the engine heard of it.
// expect: 500 script_error
// says: listed
export default () =>
  sendSms(
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error('listed')
        },
      },
    ),
  )
