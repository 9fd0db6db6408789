// Parses Markdown into tokens: CommonMark and GitHub's tables, with formulas, without HTML. Pure.

import MarkdownIt from "../../../vendor/markdown-it/markdown-it.esm.min.mjs";

const DOLLAR = 0x24;
const BACKSLASH = 0x5c;

/** What opens a formula, by what closes it. Only the first two stand in a line of words. */
const CLOSERS = { "\\(": "\\)", $: "$", "\\[": "\\]", $$: "$$" };

/** Return whether a dollar sign at `end` closes what one at `begin` opened: amounts of money are no formulas. */
function isFormula(source, begin, end) {
  return !/\s/.test(source[begin]) && !/\s/.test(source[end - 1]) && !/\d/.test(source[end + 1] ?? "");
}

function openerAt(source, position) {
  const code = source.charCodeAt(position);
  if (code === DOLLAR) return source[position + 1] === "$" ? "$$" : "$";
  return code === BACKSLASH && source[position + 1] === "(" ? "\\(" : "";
}

/**
 * Return the place of the next `closer` from `begin` on, or -1. It is remembered in `state`: text that opens a
 * thousand formulas and closes none is searched once.
 */
function placeOf(closer, state, begin) {
  const found = (state.closers ??= {});
  const { from, place } = found[closer] ?? { from: Infinity, place: -1 };
  if (begin >= from && (place < 0 || begin <= place)) return place;
  found[closer] = { from: begin, place: state.src.indexOf(closer, begin) };
  return found[closer].place;
}

/** Take `$…$`, `$$…$$` or `\(…\)` in a line of words. */
function inlineFormula(state, silent) {
  const opener = openerAt(state.src, state.pos);
  if (!opener) return false;
  const begin = state.pos + opener.length;
  const end = placeOf(CLOSERS[opener], state, begin);
  if (end < 0 || end >= state.posMax || !state.src.slice(begin, end).trim()) return false;
  if (opener === "$" && !isFormula(state.src, begin, end)) return false;
  if (!silent) {
    const token = state.push("formula", "math", 0);
    token.content = state.src.slice(begin, end);
    token.markup = opener;
  }
  state.pos = end + CLOSERS[opener].length;
  return true;
}

function lineOf(state, line) {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
}

/** Return the line behind a formula that begins at `start`, or 0 if none ends before the next empty line. */
function endOfFormula(state, start, end, opener) {
  const closer = CLOSERS[opener];
  const where = `${closer} ${state.blkIndent} ${end}`;
  // No formula ends before this line, wherever it begins: that was looked for already.
  const vain = (state.vainUntil ??= {});
  if (start < vain[where]) return 0;
  let line = start;
  for (; line < end; line += 1) {
    if (line > start && (state.isEmpty(line) || state.sCount[line] < state.blkIndent)) break;
    const text = lineOf(state, line).slice(line === start ? 2 : 0).trimEnd();
    const place = text.indexOf(closer);
    if (place >= 0 && place === text.length - 2) return line + 1;
    // What stands behind it makes it one in a line of words.
    if (place >= 0) break;
  }
  vain[where] = line;
  return 0;
}

/** Take a formula on lines of its own, between `$$` and `$$` or `\[` and `\]`. */
function blockFormula(state, start, end, silent) {
  if (state.sCount[start] - state.blkIndent >= 4) return false;
  const opener = lineOf(state, start).slice(0, 2);
  if (opener !== "$$" && opener !== "\\[") return false;
  const behind = endOfFormula(state, start, end, opener);
  if (!behind) return false;
  const source = state.getLines(start, behind, state.blkIndent, false).trim().slice(2, -2);
  if (!source.trim()) return false;
  if (silent) return true;
  const token = state.push("formula", "math", 0);
  token.block = true;
  token.content = source;
  token.markup = opener;
  token.map = [start, behind];
  state.line = behind;
  return true;
}

/** A mark for what is cited. It begins with a character that is of no use in any language. */
const MARK = /\{\ue000(\d+) ([^}]*)\}/y;

/** Return a mark for the source of a number, in place of `words`, which have no brace. */
export function markFor(number, words) {
  return `{\ue000${number} ${words}}`;
}

/** Take a mark, where marks were put in. */
function citationMark(state, silent) {
  const { links } = state.env;
  MARK.lastIndex = state.pos;
  const [mark, number, words] = (links && MARK.exec(state.src)) || [];
  if (!mark) return false;
  if (!silent) state.push("mark", "sup", 0).meta = { number, words, link: links.get(Number(number)) };
  state.pos += mark.length;
  return true;
}

/** What a formula on lines of its own ends. */
const INTERRUPTED = ["paragraph", "reference", "blockquote", "list"];

// What declares it is not vendored.
const Parser = /** @type {any} */ (MarkdownIt);

export const markdown = new Parser("default", { html: false, linkify: true });
markdown.inline.ruler.before("escape", "formula", inlineFormula);
markdown.inline.ruler.before("escape", "mark", citationMark);
markdown.block.ruler.before("fence", "formula", blockFormula, { alt: INTERRUPTED });

/**
 * Return the tokens of a text.
 * @param {string} source
 * @param {object} references  link definitions by name, as markdown-it keeps them; those of the text are added
 * @param {Map<number, object> | null} links  what the numbers of marks stand for, if the text has marks
 * @returns {any[]}
 */
export function parse(source, references = {}, links = null) {
  return markdown.parse(source, { references, links });
}

/** Return the number of blocks at the top of `tokens`, and the line at which the last of them begins. */
export function lastBlock(tokens) {
  let count = 0;
  let line = 0;
  for (const token of tokens) {
    if (token.level === 0 && token.nesting >= 0) {
      count += 1;
      line = token.map[0];
    }
  }
  return { count, line };
}
