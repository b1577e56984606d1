// Rejects a promise, which nobody handles, with a Proxy that loops when it is looked at.
// Stopped from outside: neither a time limit nor the end of the isolate ends that look.
// expect: 504 script_timeout or 500 script_crashed or 500 script_out_of_memory
export default () => {
  void Promise.reject(
    new Proxy(
      {},
      {
        get() {
          for (;;);
        },
        getPrototypeOf() {
          for (;;);
        },
      },
    ),
  )
  return 'fine'
}
