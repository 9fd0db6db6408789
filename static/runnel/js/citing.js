// Where in an answer its sources are cited, whichever provider tells it. Pure.

import { markedBlocks } from "./markdown/marks.js";
import { citationsIn } from "./sources.js";

/** A number of its list that a model has written itself; what follows it makes a link or a definition of it. */
const OWN_NUMBER = /\[(\d{1,3})\](?![(:])/g;

/** Return how many code units the first `count` code points of a text have. */
function unitsOf(text, count) {
  if (!/[\ud800-\udfff]/.test(text)) return count;
  return [...text].slice(0, count).join("").length;
}

/** Return the place before the blanks that end a text. */
function trimmed(text) {
  return text.trimEnd().length;
}

/** Return where in `text` the words end that OpenAI's citation is about; 0 if it does not say. */
function endOf(citation, text) {
  const { end_index: end } = citation.url_citation ?? citation;
  if (!Number.isInteger(end) || end <= 0) return 0;
  const place = unitsOf(text, end);
  return place <= text.length ? trimmed(text.slice(0, place)) : 0;
}

/** Return whether a citation is about all the words of its part, as Anthropic's are. */
function isOfAll({ type, cited_text: words }) {
  return typeof words === "string" || /_location$/.test(type ?? "");
}

function marksOfPart({ text, annotations = [] }) {
  const marks = [];
  const bare = [];
  for (const citation of annotations) {
    const end = isOfAll(citation) ? trimmed(text) : endOf(citation, text);
    if (end) marks.push({ offset: end, words: "", citation });
    else bare.push(citation);
  }
  // Some models number what they have found by themselves.
  for (const { 0: words, 1: number, index } of bare.length ? text.matchAll(OWN_NUMBER) : []) {
    const citation = bare[Number(number) - 1];
    if (citation) marks.push({ offset: index, words, citation });
  }
  return marks;
}

/** Return where the words of a segment of Gemini's end, which counts bytes; 0 if they are not in the text. */
function endOfSegment({ endIndex, text: words = "" }, text) {
  const bytes = new TextEncoder().encode(text);
  const counted = Number.isInteger(endIndex) ? new TextDecoder().decode(bytes.slice(0, endIndex)) : "";
  if (counted && text.startsWith(counted) && counted.endsWith(words)) return trimmed(counted);
  const place = words ? text.indexOf(words) : -1;
  return place < 0 ? 0 : trimmed(text.slice(0, place + words.length));
}

function marksOfItem({ item, type, data }, text) {
  const chunks = citationsIn(item ?? type ?? "", data);
  const supports = Array.isArray(data?.groundingSupports) ? data.groundingSupports : [];
  return supports.flatMap((support) => {
    const offset = support?.segment ? endOfSegment(support.segment, text) : 0;
    const cited = (support?.groundingChunkIndices ?? []).map((index) => chunks[index]).filter(Boolean);
    return offset ? cited.map((citation) => ({ offset, words: "", citation })) : [];
  });
}

/**
 * Return the words of stored messages, and where in them something is cited.
 * @param {{role?: string, parts: any[]}[]} messages  of one run, in their order
 * @returns {{text: string, marks: {offset: number, words: string, citation: any}[]}}
 *   a mark stands in place of `words`, or between words where these are ""; the first come first
 */
export function marksIn(messages) {
  let text = "";
  const marks = [];
  for (const { role, parts } of messages) {
    if (role === "user") continue;
    const begin = text.length;
    for (const part of parts) {
      if (part.kind !== "text") continue;
      for (const mark of marksOfPart(part)) marks.push({ ...mark, offset: text.length + mark.offset });
      text += part.text;
    }
    const own = text.slice(begin);
    for (const part of parts) {
      if (part.kind !== "provider_item") continue;
      for (const mark of marksOfItem(part, own)) marks.push({ ...mark, offset: begin + mark.offset });
    }
  }
  return { text, marks: marks.sort((one, other) => one.offset - other.offset) };
}

/**
 * Put marks into the streams that have shown an answer's words, each with the number of its source.
 * @param {{source: string, cite: (marked: Function) => void}[]} streams  in their order
 * @param {ReturnType<typeof marksIn>} told
 * @param {import("./sources.js").Sources} sources
 */
export function mark(streams, { text, marks }, sources) {
  // What was cleaned of a text would move its marks.
  if (!marks.length || text !== streams.map(({ source }) => source).join("")) return;
  let begin = 0;
  for (const stream of streams) {
    const end = begin + stream.source.length;
    const placed = new Map();
    for (const { offset, words, citation } of marks) {
      const source = sources.add(citation);
      const last = offset + words.length;
      // One source is told once at each place.
      if (source && begin < last && last <= end) placed.set(`${offset} ${source.number}`, { ...source, offset: offset - begin, words });
    }
    if (placed.size) stream.cite((source, references) => markedBlocks(source, references, [...placed.values()]));
    begin = end;
  }
}
