import { early } from './hostile-early.ts'

export const late = early + 1
