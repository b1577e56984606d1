// Imports modules whose names are made while it runs.
// Refused: nothing is imported at run time.
// expect: 200 answer ["refused","refused","refused","refused","refused","refused"]
export default () =>
  Promise.all(
    ['node:fs', 'fs', '/etc/passwd', './lib/hostile-a.ts', 'isolated-vm', 'http://127.0.0.1/'].map(name =>
      import(name).then(
        () => 'imported',
        () => 'refused',
      ),
    ),
  )
