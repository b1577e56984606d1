// Asks for a text whose key has ten million letters.
// Cut short, or stopped by a limit: it is the sandbox process that has to hold it.
// expect: 200 answer 10000000 or 500 script_out_of_memory or 504 script_timeout or 500 script_limit
export default () => t('x'.repeat(1e7)).length
