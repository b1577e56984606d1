// What a schema cannot say about a carrier's settings is checked while they are
// made into something; this gives what is wrong the setting's name.

import { StartError } from '../../errors.ts'

/** What `compile` returns; what it throws becomes StartError that names the setting. */
export type Checked = <T>(setting: string, compile: () => T) => T

export function createChecked(carrier: string): Checked {
  return (setting, compile) => {
    try {
      return compile()
    } catch (cause) {
      throw new StartError(`carriers.${carrier}.${setting}: ${(cause as Error).message}`, { cause })
    }
  }
}
