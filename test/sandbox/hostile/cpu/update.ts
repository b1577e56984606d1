// Loops in the function of storage.update, while the engine holds the queue of the key.
// Stopped by the time limit; the key is free again afterwards.
// expect: 504 script_timeout limit=cpu
export default () =>
  storage.update('key', () => {
    for (;;);
  })
