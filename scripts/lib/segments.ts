// How many SMS a text takes (3GPP TS 23.038): 160 septets or 70 UTF-16 units in
// one, 153 or 67 in each of several. What does not fit is refused before
// anything is sent.

const basic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
)
const extended = new Set('\f^{}\\[~]|€')

export function countSegments(text: string): number {
  const characters = [...text]
  if (characters.every(character => basic.has(character) || extended.has(character))) {
    return pack(
      characters.map(character => (extended.has(character) ? 2 : 1)),
      160,
      153,
    )
  }
  return pack(
    characters.map(character => character.length),
    70,
    67,
  )
}

// A character of two units is never cut in half.
function pack(sizes: number[], single: number, part: number): number {
  if (sizes.reduce((sum, size) => sum + size, 0) <= single) return 1
  let parts = 1
  let used = 0
  for (const size of sizes) {
    if (used + size > part) {
      parts++
      used = 0
    }
    used += size
  }
  return parts
}
