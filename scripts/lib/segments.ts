// How many SMS a text takes (3GPP TS 23.038): 160 septets or 70 UTF-16 units in
// one, 153 or 67 in each of several. What does not fit is refused before
// anything is sent.

const gsm = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà\f^{}\\[~\]|€]*$/
/** Of these each takes two septets. */
const extended = /[\f^{}\\[~\]|€]/g

export function countSegments(text: string): number {
  if (!gsm.test(text))
    return text.length <= 70
      ? 1
      : pack(
          [...text].map(character => character.length),
          67,
        )
  if (text.length + (text.match(extended)?.length ?? 0) <= 160) return 1
  return pack(
    [...text].map(character => (/[\f^{}\\[~\]|€]/.test(character) ? 2 : 1)),
    153,
  )
}

// A character of two units is never cut in half.
function pack(sizes: number[], part: number): number {
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
