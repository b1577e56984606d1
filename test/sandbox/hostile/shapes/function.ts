// Answers with a function, to have something called on the other side.
// Refused: JSON cannot hold it.
// expect: 500 script_error
// says: JSON cannot hold
export default () => ({ call: () => storage.get('key') })
