// Looks for anything of the host: process, require, timers, the sandbox's own.
// Not there: the globals are the language's and the primitives.
// expect: 200 answer []
export default () =>
  'process require module global Buffer fetch setTimeout setImmediate queueMicrotask performance console crypto ivm guest lockdown harden Compartment repairIntrinsics hardenIntrinsics'
    .split(' ')
    .filter(name => name !== 'module' && globalThis[name] !== undefined)
