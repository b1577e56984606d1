// Awaits the first of no promises.
// Ended by the time limit of a run.
// expect: 504 script_timeout limit=wall
// needs: wallMs=1000
export default () => Promise.race([])
