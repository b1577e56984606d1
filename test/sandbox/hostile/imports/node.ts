// Imports a module of Node.
// Not loaded: scripts import files of their lib folder and nothing else.
// expect: not loaded cannot be imported
export default () => import('node:child_process')
