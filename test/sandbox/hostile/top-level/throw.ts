// Throws while it is loaded.
// Not loaded, with the words and the place of the throw.
// expect: not loaded no start
throw new Error('no start')
