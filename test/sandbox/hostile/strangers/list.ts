// Lists everything, and everything above.
// Each script has a name space of its own.
// expect: 200 answer [0,0,0,0]
export default () =>
  Promise.all(['', '../good', '%', 'script/good'].map(async prefix => (await storage.list(prefix)).length))
