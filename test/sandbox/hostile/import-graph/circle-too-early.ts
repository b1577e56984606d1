// Imports two files that use each other before they are there.
// Allowed, and undefined: the sum of what is not there is no number, and no JSON.
// expect: 500 script_error
// says: JSON cannot hold
import { early } from './lib/hostile-early.ts'
export default () => early
