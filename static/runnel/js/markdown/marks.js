// Puts marks for what is cited into Markdown that is shown, and nowhere where they would make something else of it.

import { markFor, parse } from "./parser.js";
import { treeOf } from "./tree.js";

/**
 * @typedef {object} Mark
 * @property {number} offset  where in the source it stands
 * @property {string} words  in whose place it stands; "" where it is put between
 * @property {number} number  of the source, from 1
 * @property {{href: string, title: string} | null} link  where the source is
 */

/** Return the tokens of each block at the top, with the lines at which it begins and ends. */
function blocksOf(tokens) {
  const blocks = [];
  for (const token of tokens) {
    if (token.level === 0 && token.nesting >= 0) blocks.push({ tokens: [], lines: token.map });
    blocks.at(-1).tokens.push(token);
  }
  return blocks;
}

/** Return a source with marks in it, which begin at `begin` of the whole. */
function withMarks(source, begin, marks) {
  let marked = "";
  let end = 0;
  for (const { offset, words, number } of marks) {
    marked += source.slice(end, offset - begin) + markFor(number, words);
    end = offset - begin + words.length;
  }
  return marked + source.slice(end);
}

/** Return a tree without its marks: with what stands in their place, words beside words joined. */
function without(children) {
  const kept = [];
  for (const child of children) {
    if (child.mark === "") continue;
    const plain = child.mark ?? (child.children ? { ...child, children: without(child.children) } : child);
    if (typeof plain === "string" && typeof kept.at(-1) === "string") kept.push(kept.pop() + plain);
    else kept.push(plain);
  }
  return kept;
}

/**
 * Return the blocks that have marks, as trees: `[{index, tree}]`, the block's place among those at the top.
 * @param {string} source
 * @param {object} references  link definitions, as `parse` takes them
 * @param {Mark[]} marks  in the order of their offsets
 */
export function markedBlocks(source, references, marks) {
  const links = new Map(marks.map(({ number, link }) => [number, link]));
  const starts = [0];
  for (let end = source.indexOf("\n"); end >= 0; end = source.indexOf("\n", end + 1)) starts.push(end + 1);
  const outline = { level: 2 };
  const found = [];
  for (const [index, { tokens, lines }] of blocksOf(parse(source, { ...references })).entries()) {
    const [begin, end] = lines.map((line) => starts[line] ?? source.length);
    const before = { ...outline };
    const [plain] = treeOf(tokens, outline);
    const own = marks.filter(({ offset, words }) => {
      // It stands behind a character of the block, or in place of some.
      const place = words ? offset : offset - 1;
      return begin <= place && place < end;
    });
    const draw = (some) => treeOf(parse(withMarks(source.slice(begin, end), begin, some), { ...references }, links), { ...before });
    const isSame = (trees) => JSON.stringify(without(trees)) === JSON.stringify([plain]);
    let kept = own;
    if (own.length && !isSame(draw(own))) {
      kept = [];
      for (const mark of own) if (isSame(draw([...kept, mark]))) kept.push(mark);
    }
    if (kept.length) found.push({ index, tree: draw(kept)[0] });
  }
  return found;
}
