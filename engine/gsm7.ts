// The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1).
//
// One table from UTF-16 units to septets serves counting here and encoding on
// the wire, and one back. National shift tables are not in them: carriers
// rarely let them pass.

/** Announces a character of the extension table; such a character takes two septets. */
export const escapeSeptet = 0x1b

// The place of a character is its septet. 0x1b is the escape and stands for no character.
const basic =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u001bÆæßÉ' +
  ' !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§' +
  '¿abcdefghijklmnopqrstuvwxyzäöñüà'

const extension: Record<string, number> = {
  '\f': 0x0a,
  '^': 0x14,
  '{': 0x28,
  '}': 0x29,
  '\\': 0x2f,
  '[': 0x3c,
  '~': 0x3d,
  ']': 0x3e,
  '|': 0x40,
  '€': 0x65,
}

const absent = 0xffff
// The highest character of both tables is the euro sign, so 17 KB hold all.
const codes = new Uint16Array(0x20ad).fill(absent)
for (let septet = 0; septet < basic.length; septet++) {
  if (septet !== escapeSeptet) codes[basic.charCodeAt(septet)] = septet
}
for (const [character, septet] of Object.entries(extension)) {
  codes[character.charCodeAt(0)] = (escapeSeptet << 8) | septet
}

const extended = new Map(Object.entries(extension).map(([character, septet]) => [septet, character]))

/**
 * The septets of one UTF-16 unit: 0 to 0x7f alone, 0x1b00 and more for an
 * escape pair (high byte first), undefined when the alphabet does not have it.
 */
export function septetsOf(unit: number): number | undefined {
  const code = codes[unit]
  return code === absent ? undefined : code
}

/** How many septets one UTF-16 unit takes: 1, 2, or 0 when it is not in the alphabet. */
export function septetWidth(unit: number): 0 | 1 | 2 {
  const code = codes[unit]
  if (code === undefined || code === absent) return 0
  return code > 0x7f ? 2 : 1
}

/** Whether every character of the text is in the alphabet. */
export function isGsm7(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (septetWidth(text.charCodeAt(at)) === 0) return false
  return true
}

/** Septets of the whole text; undefined when it has to go as UCS-2. */
export function countSeptets(text: string): number | undefined {
  let septets = 0
  for (let at = 0; at < text.length; at++) {
    const width = septetWidth(text.charCodeAt(at))
    if (width === 0) return undefined
    septets += width
  }
  return septets
}

/**
 * The text of octets that hold one septet each. Never throws: an escape before
 * a septet that the extension table does not have stands for nothing, as phones
 * show it (6.2.1.1); octets of 0x80 and more, which are no septets, are read as
 * the Latin-1 that they mostly are.
 */
export function readSeptets(octets: Uint8Array): string {
  let text = ''
  for (let at = 0; at < octets.length; at++) {
    const septet = octets[at]!
    if (septet === escapeSeptet) {
      const character = extended.get(octets[at + 1] ?? 0)
      if (character !== undefined) {
        text += character
        at++
      }
    } else {
      text += septet < 0x80 ? basic[septet]! : String.fromCharCode(septet)
    }
  }
  return text
}
