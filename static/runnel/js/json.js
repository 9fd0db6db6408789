// JSON text as people read and write it: to the character, whatever a parser would make of it. Pure.

import { exact, isRightToLeft, shown } from "./hidden.js";

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Characters of a line: what fits is not broken into several. */
const LINE = 68;

/** How many times as long as its text what is broken into lines may be, and how many characters longer. */
const TIMES = 4;
const MORE = 10_000;

/** Return whether a text is JSON, whole. */
export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function onOneLine(tokens) {
  return tokens.map((token) => (token === "," || token === ":" ? `${token} ` : token)).join("");
}

/** Return the tokens in lines, or undefined if that would take more than `most` characters. */
function onManyLines(tokens, most) {
  let depth = 0;
  let length = 0;
  const line = () => {
    length += 1 + 2 * depth;
    // Nothing is made of what is given up anyway.
    return length > most ? "" : `\n${"  ".repeat(depth)}`;
  };
  const pieces = tokens.map((token, index) => {
    const isEmpty = (open, close) => "{[".includes(open) && "}]".includes(close);
    if (token === ":") return ": ";
    if (token === ",") return `,${line()}`;
    if ("{[".includes(token)) {
      if (isEmpty(token, tokens[index + 1])) return token;
      depth += 1;
      return token + line();
    }
    if ("}]".includes(token)) {
      if (isEmpty(tokens[index - 1], token)) return token;
      depth -= 1;
      return line() + token;
    }
    return token;
  });
  return length > most ? undefined : pieces.join("");
}

/**
 * Return JSON text in lines that one can read, or as it is when it is none. No value is parsed and written
 * again, so none changes: a long number keeps its digits, a doubled key stays, and what is hidden shows. What is
 * nested so deeply that its indents would be most of it stays on one line.
 */
export function pretty(text) {
  if (!isJson(text)) return shown(text);
  const tokens = text.match(TOKEN).map(exact);
  const short = onOneLine(tokens);
  if (short.length <= LINE) return short;
  return onManyLines(tokens, TIMES * text.length + MORE) ?? short;
}

/** Return `pretty` of a text that is an object or an array, any other text with what is hidden in it. */
export function prettyResult(text) {
  return /^\s*[{[]/.test(text) && isJson(text) ? pretty(text) : shown(text);
}

/**
 * Return JSON text in parts: `isolated` ones, which have letters from right to left, and those between them. Where
 * all stand in one line of text, such letters would change the order of the brackets and numbers beside them.
 */
export function parts(text) {
  if (!isRightToLeft(text)) return [{ text, isolated: false }];
  const found = [];
  for (const [piece] of text.matchAll(/"(?:[^"\\]|\\.)*"|[^"]+|"/gs)) {
    const isolated = isRightToLeft(piece);
    if (!isolated && found.length && !found.at(-1).isolated) found.at(-1).text += piece;
    else found.push({ text: piece, isolated });
  }
  return found;
}

/** Return a JSON number's value, written in one way only: `1500`, `1500.0` and `1.5e3` become the same text. */
function valueOf(number) {
  const [, sign, whole, fraction = "", exponent = "0"] = number.match(NUMBER);
  const digits = whole + fraction;
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  const significant = digits.slice(0, end).replace(/^0+/, "");
  return significant && `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - end}`;
}

/** Return whether a JSON number keeps its value when it is parsed and written again. */
function isKept(number) {
  const parsed = Number(number);
  return Number.isFinite(parsed) && valueOf(number) === valueOf(String(parsed));
}

function whyNotKept(number) {
  const parsed = Number(number);
  if (!Number.isFinite(parsed)) return "is too large to be sent";
  return parsed === 0 ? "is too small to be sent" : "has too many digits to be sent exactly";
}

/** Return the first number that a parser would change, or undefined. */
function inexact(text) {
  return text.match(TOKEN).find((token) => NUMBER.test(token) && !isKept(token));
}

/** Return the first key that stands twice in one object, as it is written there, or undefined. */
function doubledKey(text) {
  const open = [];
  const tokens = text.match(TOKEN);
  for (const [index, token] of tokens.entries()) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (tokens[index + 1] === ":") {
      const keys = open.at(-1);
      const key = JSON.parse(token);
      if (keys.has(key)) return token;
      keys.add(key);
    }
  }
  return undefined;
}

/** Return the first text with half of a character in it, or undefined: no server takes one. */
function halved(text) {
  return text.match(TOKEN).find((token) => token.startsWith('"') && !JSON.parse(token).isWellFormed());
}

/** Return what is wrong with a tool's arguments as somebody typed them, in a sentence; "" if nothing is. */
export function problemOf(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `This is no JSON yet: ${error.message}.`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "Arguments are an object: they stand between { and }.";
  }
  const key = doubledKey(text);
  if (key !== undefined) return `The key ${key} stands twice in one object. Only one of the two can be sent.`;
  const half = halved(text);
  if (half !== undefined) return `${half} holds half of a character, which cannot be sent.`;
  const number = inexact(text);
  return number === undefined ? "" : `${number} ${whyNotKept(number)}. Write it as a text, in quotes.`;
}
