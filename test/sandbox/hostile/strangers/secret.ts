// Asks for secrets, its own and others', and looks into what it gets.
// A placeholder: the sandbox holds no secret.
// expect: 200 answer ["{{secret:CRM_KEY}}","{{secret:PATCHCORD_SECRET}}","{{secret:../good}}"]
export default () => ['CRM_KEY', 'PATCHCORD_SECRET', '../good'].map(secret)
