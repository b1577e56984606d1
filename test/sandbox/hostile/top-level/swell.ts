// Swells while it is loaded.
// Not loaded: loading has the memory limit of a run.
// expect: not loaded the script
const all = []
for (;;) all.push(new Array(100_000).fill(1))
