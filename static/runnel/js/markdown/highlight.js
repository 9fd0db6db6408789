// Colours code: tells which words of it are of which kind. Text only ever becomes text nodes.

import { element } from "../dom.js";
import { grammarsOf, languageNamed } from "./languages.js";

/** Highlighters by language, each with what stands inside of its code: so others that were loaded change nothing. */
const highlighters = new Map();

/** Collects what highlight.js finds, in its order: words, and the innermost kind that they are of. */
class Runs {
  runs = [];
  #scopes = [];

  addText(text) {
    if (text) this.runs.push({ text, scope: this.#scopes.at(-1) ?? "" });
  }

  startScope(scope) {
    this.#scopes.push(scope);
  }

  endScope() {
    this.#scopes.pop();
  }

  openNode(scope) {
    this.startScope(scope);
  }

  closeNode() {
    this.endScope();
  }

  __addSublanguage({ runs }) {
    const outside = this.#scopes.at(-1) ?? "";
    for (const { text, scope } of runs) this.runs.push({ text, scope: scope || outside });
  }

  finalize() {}

  toHTML() {
    return "";
  }
}

async function load(name) {
  const [{ default: core }, grammars] = await Promise.all([
    import("../../../vendor/highlight.js/core.min.js"),
    grammarsOf(name),
  ]);
  const made = core.newInstance();
  made.configure({ __emitter: Runs });
  for (const [each, grammar] of grammars) made.registerLanguage(each, grammar);
  return made;
}

/**
 * Return a function from code to what it consists of, `[{text, scope}]`, for the language that a model calls
 * `label`; null if that is none of ours.
 */
export async function highlighterFor(label) {
  const name = languageNamed(label);
  if (!name) return null;
  if (!highlighters.has(name)) highlighters.set(name, load(name));
  const highlighter = await highlighters.get(name);
  return (code) => {
    const { runs } = highlighter.highlight(code, { language: name, ignoreIllegals: true })._emitter;
    // A grammar that fails half-way says so by what is missing.
    return runs.map(({ text }) => text).join("") === code ? runs : [{ text: code, scope: "" }];
  };
}

/** Return the class of a kind of words: `title.function` is a title before it is one of a function. */
function classOf(scope) {
  return `hl-${scope.split(/[.:]/, 1)[0]}`;
}

/** Return nodes for `length` characters of `runs`, and take these off. */
export function takeNodes(runs, length) {
  const nodes = [];
  let left = length;
  while (left > 0) {
    const run = runs[0];
    const text = run.text.slice(0, left);
    nodes.push(run.scope ? element("span", { class: classOf(run.scope) }, text) : new Text(text));
    left -= text.length;
    if (text.length === run.text.length) runs.shift();
    else run.text = run.text.slice(text.length);
  }
  return nodes;
}
