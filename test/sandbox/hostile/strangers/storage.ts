// Asks for what another script has stored, by every spelling of its name.
// Each script has a name space of its own.
// expect: 200 answer [null,null,null,null,null]
export default () =>
  Promise.all(
    ['count', 'good/count', '../good/count', 'script/good/count', 'good\u0000count'].map(
      async key => (await storage.get(key)) ?? null,
    ),
  )
