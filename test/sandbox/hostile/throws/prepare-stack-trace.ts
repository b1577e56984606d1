// Sets how stacks are made, to loop or to see the frames of the sandbox.
// Refused: Error is frozen.
// expect: 500 script_error
// says: TypeError
export default () => {
  Error.prepareStackTrace = () => {
    for (;;);
  }
  return new Error('x').stack
}
