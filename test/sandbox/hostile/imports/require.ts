// Requires a module of Node.
// Not loaded.
// expect: not loaded cannot be imported
export default () => require('fs').readFileSync('/etc/passwd', 'utf8')
