// Exports thousands of functions, each of which would be an address in the API reference.
// Not loaded: the API reference is anybody's to ask for, and the engine has to write it.
// expect: not loaded exports
for (let n = 0; n < 5_000; n++) exports[`export${n}`] = () => n
