// Loops while it is loaded.
// Not loaded: loading has a time limit.
// expect: not loaded longer than
for (;;);
