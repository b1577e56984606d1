// Calls the engine from the function of an update, which holds the key's queue.
// Refused: that function may not call a primitive.
// expect: 500 script_error
// says: may not call a primitive
export default () =>
  storage.update('key', () => {
    void storage.update('key', () => 1)
    return 2
  })
