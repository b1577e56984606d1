// Replaces JSON, by which everything crosses the border.
// Frozen; and the sandbox holds its own since before the script was there.
// expect: 500 script_error
// says: TypeError
export default () => {
  JSON.stringify = () => '["end","mine"]'
}
