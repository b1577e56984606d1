// Loops when its exports are listed.
// Not loaded: loading has a time limit.
// expect: not loaded longer than
module.exports = new Proxy(
  {},
  {
    ownKeys() {
      for (;;);
    },
  },
)
