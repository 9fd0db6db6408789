// A block of code: its language, a button that copies it, a switch for long lines, and its lines.

import { copy } from "../clipboard.js";
import { element } from "../dom.js";
import { whenIdle } from "../idle.js";

/** Lines after which an empty line, and any line, ends a part: layout and colours stay local. */
const ENOUGH = 40;
const MOST = 80;

/** Lines that are coloured in one go, if the next begins at the margin; and in any case, as are so many characters. */
const STRETCH = 160;
const LONG_STRETCH = 400;
const LONG_TEXT = 16_000;

/**
 * Characters and lines beyond which code stays black: what is that long is data. Grammars take time with the
 * square of a line's length.
 */
const LONG_LINE = 400;
const LONG_CODE = 400_000;

/** Characters of a language's name that are shown. */
const NAME_LENGTH = 40;

export class Code {
  #code = element("code");
  /** The parts in their order: {text, lines, written, isFull, node, holder}. Their texts are the code. */
  #parts = [];
  #language;
  #text = "";
  #isFinished = false;

  /** @param {string} language  what the model calls it, or "" */
  constructor(language) {
    this.#language = language;
    const label = language.slice(0, NAME_LENGTH).toWellFormed() || "code";
    const wrap = element("button", { type: "button", class: "link", "aria-pressed": "false" }, "Wrap");
    const copies = element("button", { type: "button", class: "link" }, "Copy");
    const bar = element("div", { class: "bar" }, element("span", { class: "language" }, label), wrap, copies);
    this.element = element("div", { class: "block" }, bar, element("pre", { tabindex: "0" }, this.#code));
    wrap.addEventListener("click", () => {
      const isWrapped = this.element.classList.toggle("wrapped");
      wrap.setAttribute("aria-pressed", String(isWrapped));
    });
    copies.addEventListener("click", () => copy(this.#text, copies));
  }

  /** Show exactly this text. */
  update({ text }) {
    if (text.startsWith(this.#text)) {
      this.append(text.slice(this.#text.length));
      return;
    }
    this.#text = "";
    this.#parts = [];
    this.#code.replaceChildren();
    this.append(text);
  }

  /** Show more at the end. */
  append(text) {
    this.#text += text;
    let begin = 0;
    while (begin < text.length) {
      const end = text.indexOf("\n", begin) + 1 || text.length;
      this.#addLine(text.slice(begin, end));
      begin = end;
    }
    for (const part of this.#parts) this.#write(part);
  }

  /** All is there: colour it as soon as there is time. */
  finish() {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const isData = this.#text.length > LONG_CODE || this.#text.split("\n").some(({ length }) => length > LONG_LINE);
    if (isData || !this.#language) return;
    this.#colourAll().catch(() => {
      // What cannot be loaded leaves the code as it is.
    });
  }

  async #colourAll() {
    const { highlighterFor, takeNodes } = await import("./highlight.js");
    const highlight = await highlighterFor(this.#language);
    if (highlight) this.#colour(highlight, takeNodes, 0);
  }

  #addLine(text) {
    let part = this.#parts.at(-1);
    if (!part || part.isFull) {
      const node = new Text();
      part = { text: "", lines: 0, written: 0, isFull: false, node, holder: element("span", { class: "lines" }, node) };
      this.#parts.push(part);
    }
    part.text += text;
    if (!text.endsWith("\n")) return;
    part.lines += 1;
    part.isFull = part.lines >= MOST || (part.lines >= ENOUGH && /\n[ \t]*\n$/.test(part.text));
  }

  #write(part) {
    if (part.written < part.text.length) {
      part.node.appendData(part.text.slice(part.written));
      part.written = part.text.length;
    }
    if (!part.holder.isConnected) this.#code.append(part.holder);
    // Its height is known before it is drawn, so that the scroll bar does not jump.
    if (part.isFull) part.holder.style.containIntrinsicBlockSize = `${part.lines}lh`;
  }

  /** Colour the code from a part on, a stretch at a time. */
  #colour(highlight, takeNodes, first) {
    if (first >= this.#parts.length) return;
    whenIdle(() => {
      let last = first;
      let lines = 0;
      let characters = 0;
      for (; last < this.#parts.length; last += 1) {
        const { text, lines: more } = this.#parts[last];
        const isFull = lines >= LONG_STRETCH || (characters > 0 && characters + text.length > LONG_TEXT);
        if (isFull || (lines >= STRETCH && /^\S/.test(text))) break;
        lines += more;
        characters += text.length;
      }
      const parts = this.#parts.slice(first, last);
      const runs = highlight(parts.map(({ text }) => text).join(""));
      for (const { text, holder } of parts) holder.replaceChildren(...takeNodes(runs, text.length));
      this.#colour(highlight, takeNodes, last);
    });
  }
}
