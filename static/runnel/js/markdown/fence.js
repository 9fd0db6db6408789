// The lines of a block of code that is still being written. Pure: tells what more of it shows.

const BEGINS = /^( {0,3})(`{3,}|~{3,})([^\n]*)\n/;

export class Fence {
  #indent;
  #closes;
  #mayClose;
  /** What was written, the fence included. */
  source = "";
  /** The line that has not ended, and how much of it shows. */
  #line = "";
  #shown = 0;

  constructor(indent, mark) {
    const [character] = mark;
    this.#indent = new RegExp(`^ {0,${indent.length}}`);
    this.#closes = new RegExp(`^ {0,3}\\${character}{${mark.length},}[ \\t]*$`);
    this.#mayClose = new RegExp(`^ {0,3}\\${character}*[ \\t]*$`);
  }

  /**
   * Return the fence that a text begins with, or null if that is none or is closed already.
   * @param {string} source
   */
  static at(source) {
    const [begin, indent, mark, info] = BEGINS.exec(source) ?? [];
    // Backticks behind backticks are code in a line.
    if (!begin || (mark[0] === "`" && info.includes("`"))) return null;
    const fence = new Fence(indent, mark);
    fence.source = begin;
    const { rest } = fence.take(source.slice(begin.length));
    return rest === null ? fence : null;
  }

  /**
   * Take more text. Return what more of the code shows, and what stands behind the fence that closed it: null
   * while none did.
   * @param {string} text
   * @returns {{code: string, rest: string | null}}
   */
  take(text) {
    let code = "";
    this.#line += text;
    for (let end = this.#line.indexOf("\n"); end >= 0; end = this.#line.indexOf("\n")) {
      const line = this.#line.slice(0, end);
      const rest = this.#line.slice(end + 1);
      this.source += `${line}\n`;
      if (this.#closes.test(line)) return { code, rest };
      code += `${line.replace(this.#indent, "").slice(this.#shown)}\n`;
      this.#line = rest;
      this.#shown = 0;
    }
    if (!this.#mayClose.test(this.#line)) {
      const shown = this.#line.replace(this.#indent, "");
      code += shown.slice(this.#shown);
      this.#shown = shown.length;
    }
    return { code, rest: null };
  }

  /** Return all that was written, also of the line that has not ended. */
  get whole() {
    return this.source + this.#line;
  }
}
