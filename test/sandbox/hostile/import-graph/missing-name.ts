// Imports a name that its file does not export.
// Not loaded, with the name.
// expect: not loaded nothing
import { nothing } from './lib/hostile-a.ts'
export default () => nothing
