// Imports a file that is not there.
// Not loaded, with the place of the import.
// expect: not loaded nowhere
import { nothing } from './lib/nowhere.ts'
export default () => nothing
