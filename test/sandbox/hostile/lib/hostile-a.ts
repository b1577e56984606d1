import { b } from './hostile-b.ts'

export const a = 'a'
export const around = () => [b, back()]
const back = () => a
