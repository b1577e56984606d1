import { a } from './hostile-a.ts'

export const b = 'b'
export const other = () => a
