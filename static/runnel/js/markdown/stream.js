// Markdown that grows at its end. What cannot change any more is left alone; only the block that is still being
// written is parsed again. In the end the elements are those of the whole text, wherever it was cut.
//
// Why that is so: a block of CommonMark is closed by what follows it, and stays closed. Only a line that has
// not ended may become another, and a definition of a link works backwards.

import { element } from "../dom.js";
import { paintSoon, schedule, TextStream } from "../text.js";
import { Fence } from "./fence.js";
import { lastBlock, parse } from "./parser.js";
import { patch, patchNodes, widgetsIn } from "./patch.js";
import { treeOf } from "./tree.js";

/** Characters that are taken in one go, and of a block that is being written and drawn with each of its deltas. */
const SLICE = 8192;

/**
 * Milliseconds before a longer block is drawn again, for each of its characters. All of it is parsed each time, so a
 * list of 64 KiB is drawn twice in a second, and one of 1 MiB every seven.
 */
const PAUSE = 0.007;

/** Characters of a text above which no marks are put in: all of it is parsed once more for them. */
const LONGEST = 200_000;

const EMPTY_LINES = /^(?:[ \t]*\n)+/;

function offsetOf(source, line) {
  let offset = 0;
  for (let left = line; left > 0; left -= 1) offset = source.indexOf("\n", offset) + 1;
  return offset;
}

function finish(nodes) {
  for (const node of nodes) for (const widget of widgetsIn(node)) widget.finish?.();
}

export class MarkdownStream {
  #source = "";
  #pending = "";
  /** A carriage return at the end: a line feed that follows it is no second end of a line. */
  #held = "";
  /** The source of the blocks that may still change. */
  #open = "";
  /** The block of code that is being written and what shows it, or null. */
  #code = null;
  #isEnding = false;
  /** When the block that is being written may be drawn again, as performance.now() tells it. */
  #drawAt = 0;
  /** Shows the source as it is once it could not be drawn as Markdown; null until then. */
  #plain = null;

  /** Tells the blocks with marks for what is cited, once all is shown; or null. */
  #marked = null;

  /** Definitions of links, and the last heading's level, in what cannot change. */
  #references = {};
  #outline = { level: 2 };
  /** How many elements cannot change. */
  #count = 0;
  /** Those of them that may name a link which is defined later: {source, outline, nodes}. */
  #linking = [];

  /** @param {HTMLElement} element  gets the blocks */
  constructor(element) {
    this.element = element;
  }

  /** All that was written, as it was written. */
  get source() {
    return this.#source;
  }

  /** Add text; it shows with the next frame. */
  append(text) {
    this.#source += text;
    if (this.#plain) {
      this.#plain.append(text);
      return;
    }
    const whole = this.#held + text;
    this.#held = whole.endsWith("\r") ? "\r" : "";
    this.#pending += whole.slice(0, whole.length - this.#held.length).replaceAll(/\r\n?/g, "\n");
    schedule(this);
  }

  /** Nothing more is written. */
  end() {
    this.#isEnding = true;
    if (this.#held) this.#pending += "\n";
    this.#held = "";
    paintSoon(this);
  }

  /**
   * Put in marks for what is cited. Nothing more is written then.
   * @param {(source: string, references: object) => {index: number, tree: any}[]} marked  tells the blocks that have some
   */
  cite(marked) {
    // A text whose ends of lines were changed has other offsets.
    if (this.#plain || this.#source.length > LONGEST || this.#source.includes("\r")) return;
    this.#marked = marked;
    paintSoon(this);
  }

  /**
   * Show what is pending, a part at a time until `isLate` says that it is enough. Return whether all is shown.
   * @param {() => boolean} isLate
   */
  paint(isLate) {
    if (this.#plain) return this.#plain.paint();
    try {
      return this.#draw(isLate);
    } catch (error) {
      console.error(error);
      return this.#drawPlain();
    }
  }

  /** Show the source instead of what could not be drawn: words without a form are better than none. */
  #drawPlain() {
    this.#plain = new TextStream(element("div", { class: "code" }));
    this.element.replaceChildren(this.#plain.element);
    this.#plain.append(this.#source);
    return this.#plain.paint();
  }

  #draw(isLate) {
    while (this.#pending) {
      if (!this.#isEnding && this.#open.length > SLICE && performance.now() < this.#drawAt) return false;
      // Together with what is parsed again: a long list that comes at once is not parsed for each slice of it.
      const text = this.#pending.slice(0, Math.max(SLICE, this.#open.length));
      this.#pending = this.#pending.slice(text.length);
      this.#add(text);
      if (this.#pending && isLate()) return false;
    }
    if (this.#isEnding) this.#finish();
    if (this.#marked) this.#mark();
    return true;
  }

  #mark() {
    const { childNodes } = this.element;
    for (const { index, tree } of this.#marked(this.#source, this.#references)) {
      finish(patchNodes([childNodes[index]], [tree]));
    }
    this.#marked = null;
  }

  #add(text) {
    if (this.#code) {
      const { fence, widget } = this.#code;
      const { code, rest } = fence.take(text);
      widget.append(code);
      if (rest === null) return;
      this.#code = null;
      this.#show(fence.source, "");
      this.#open = rest;
    } else {
      this.#open += text;
    }
    this.#open = this.#open.replace(EMPTY_LINES, "");
    if (this.#open) this.#render();
    this.#drawAt = performance.now() + this.#open.length * PAUSE;
  }

  #finish() {
    this.#isEnding = false;
    this.#show(this.#code?.fence.whole ?? this.#open, "");
    this.#code = null;
    this.#open = "";
  }

  #render() {
    const fence = Fence.at(this.#open);
    if (!fence) {
      const closed = this.#closed();
      this.#show(this.#open.slice(0, closed), this.#open.slice(closed));
      this.#open = this.#open.slice(closed);
    } else {
      this.#show("", this.#open);
    }
    const writing = fence ?? Fence.at(this.#open);
    const widget = writing && widgetsIn(this.element.lastElementChild)[0];
    if (widget) {
      this.#code = { fence: writing, widget };
      this.#open = "";
    }
  }

  /** Return how many characters of what is open cannot change any more: all before the last block. */
  #closed() {
    const whole = this.#open.slice(0, this.#open.lastIndexOf("\n") + 1);
    if (!whole) return 0;
    const { count, line } = lastBlock(parse(whole, { ...this.#references }));
    return count > 1 ? offsetOf(whole, line) : 0;
  }

  /** Show source that cannot change any more, and behind it what still may. */
  #show(closed, open) {
    const outline = { ...this.#outline };
    const known = Object.keys(this.#references).length;
    const kept = closed ? treeOf(parse(closed, this.#references), this.#outline) : [];
    const writing = open ? treeOf(parse(open, { ...this.#references }), { ...this.#outline }) : [];
    patch(this.element, [...kept, ...writing], this.#count);
    const nodes = [...this.element.childNodes].slice(this.#count, this.#count + kept.length);
    this.#count += kept.length;
    finish(nodes);
    if (Object.keys(this.#references).length > known) this.#link();
    if (closed.includes("[")) this.#linking.push({ source: closed, outline, nodes });
  }

  /** Make links of what names a link that is defined only now. */
  #link() {
    for (const each of this.#linking) {
      const trees = treeOf(parse(each.source, { ...this.#references }), { ...each.outline });
      each.nodes = patchNodes(each.nodes, trees);
      finish(each.nodes);
    }
  }
}
