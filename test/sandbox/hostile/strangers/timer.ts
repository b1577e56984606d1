// Takes back a timer of another script.
// A script takes back its own timers only.
// expect: 200 answer false
export default ({ timer }) => unschedule(timer)
