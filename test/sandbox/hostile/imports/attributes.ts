// Imports a file as JSON.
// Not loaded: it is outside the lib folder.
// expect: not loaded cannot be imported
import config from '../patchcord.json' with { type: 'json' }
export default () => config
