// Counts beyond what a number holds.
// Refused: what is no whole number is no counter.
// expect: 200 answer ["error","error","error"]
export default () =>
  Promise.all(
    [{ by: 2 ** 60 }, { by: 0.5 }, { by: '1' }].map(options =>
      storage.increment('sum', options).then(
        () => 'counted',
        () => 'error',
      ),
    ),
  )
