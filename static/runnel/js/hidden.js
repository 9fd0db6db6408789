// Characters that cannot be seen, or make words look like others: what a person reads shows them. Pure.

/** Blank glyphs that Unicode does not call ignorable: braille, a musical notehead, fillers. */
const BLANKS = "\\u2800\\u{16fe4}\\u{1d159}\\u{13441}\\u{13442}";

/** Controls, formats, halves of characters, line separators, all spaces but the usual one, and what may be ignored. */
const HIDDEN = `[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}${BLANKS}]|(?! )\\p{Zs}`;

/** An emoji: its joiners and selectors are part of how it looks. */
const ONE = "\\p{Extended_Pictographic}[\\ufe0e\\ufe0f]?\\p{Emoji_Modifier}?";
const EMOJI = `${ONE}(?:\\u200d${ONE})*|[0-9#*]\\ufe0f?\\u20e3`;

/** A joiner between letters of scripts that are written with joiners; words in Persian or Hindi need them. */
const JOINING = ["Arabic", "Bengali", "Devanagari", "Gujarati", "Gurmukhi", "Kannada", "Khmer", "Malayalam", "Mongolian",
  "Myanmar", "Oriya", "Sinhala", "Syriac", "Tamil", "Telugu"].map((script) => `\\p{Script=${script}}`).join("");
const JOINER = `(?<=[${JOINING}])[\\u200c\\u200d](?=[${JOINING}])`;

const STRICT = new RegExp(`(${EMOJI})|${HIDDEN}`, "gu");
const LENIENT = new RegExp(`(${EMOJI}|${JOINER}|\\r?\\n|\\t)|${HIDDEN}`, "gu");
const BLANK = new RegExp(`^(?:\\s|${HIDDEN})*$`, "u");

/** Letters that are written from right to left. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

function escaped(character) {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** Return whether nothing of a text can be seen. */
export function isBlank(text) {
  return BLANK.test(text);
}

/** Return a text for reading: each hidden character as `\u200b`, but line breaks, emoji and needed joiners as they are. */
export function shown(text) {
  return text.replace(LENIENT, (found, kept) => kept ?? escaped(found));
}

/** Return a part of JSON text in which every hidden character is an escape; it stands for the same value. */
export function exact(text) {
  return text.replace(STRICT, (found, kept) => kept ?? escaped(found));
}

/** Return whether a text has letters from right to left, which would change the order of what stands around it. */
export function isRightToLeft(text) {
  return RIGHT_TO_LEFT.test(text);
}
