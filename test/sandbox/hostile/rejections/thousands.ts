// Rejects a hundred thousand promises that nobody handles.
// Belongs to its own run: noted once a turn.
// expect: 200 answer "fine" or 504 script_timeout
export default () => {
  for (let n = 0; n < 100_000; n++) void Promise.reject(n)
  return 'fine'
}
