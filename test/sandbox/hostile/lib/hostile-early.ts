import { late } from './hostile-late.ts'

export const early = late + 1
