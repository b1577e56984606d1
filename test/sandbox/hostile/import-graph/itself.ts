// Imports itself.
// Not loaded: a script is no file of the lib folder.
// expect: not loaded cannot be imported
import again from './itself.ts'
export default () => again
