// Never returns.
// Stopped by the time limit of a turn.
// expect: 504 script_timeout limit=cpu
export default () => {
  for (;;);
}
