// Imports two files that import each other.
// Allowed: they are bundled once, in an order that works.
// expect: 200 answer ["a","b","a"]
import { a, around } from './lib/hostile-a.ts'
export default () => [a, ...around()]
