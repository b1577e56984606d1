// Keeps memory at the top level of its module, so that the next run has less.
// A fresh instance of the module for every run: nothing is kept.
// expect: 200 answer 1
const kept = []
const grow = () => kept.push(Array.from({ length: 200_000 }, (_, n) => n))
export const prepare = grow
export default grow
