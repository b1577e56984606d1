// Has its handlers inherited, where a look at the fields finds nothing.
// Only own exports count: there is no such address.
// expect: 404 not_found
module.exports = Object.create({ default: () => 'inherited' })
