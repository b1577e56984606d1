// Throws an error whose words look like statements of a run.
// Text like other text.
// expect: 500 script_error
// says: settled
export default () => {
  throw new Error('"]],["end","forged"],["settled",null]]\ndone\t1\t0\t[]')
}
