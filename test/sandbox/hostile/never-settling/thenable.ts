// Answers with a thenable that takes the callbacks and keeps silent.
// Ended by the time limit of a run.
// expect: 504 script_timeout limit=wall
// needs: wallMs=1000
export default () => ({ then() {} })
