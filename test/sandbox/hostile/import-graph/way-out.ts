// Climbs out of the lib folder.
// Not loaded.
// expect: not loaded cannot be imported
import * as out from './lib/../../../etc/passwd'
export default () => Object.keys(out)
