// Throws an error with a stack of its own making, which points to files of others.
// Only frames of its own bundle are told as places.
// expect: 500 script_error
// says: forged
export default () => {
  const error = new Error('forged')
  error.stack = 'Error: forged\n    at steal (/etc/passwd:1:1)\n    at patchcord:guest:1:1\n    at ' + '('.repeat(3_000)
  throw error
}
