// Exports so many functions that their names are ten megabytes.
// Not loaded: what a look at its exports may say has an end.
// expect: not loaded the script
for (let n = 0; n < 300_000; n++) exports[`export${n}${'x'.repeat(40)}`] = () => n
