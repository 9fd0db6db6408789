// Streams text into the page: all writes of a frame happen together, however many deltas came.

/** Characters after which a block ends at the next line break, so that layout stays local. */
const BLOCK_LENGTH = 2000;

/** Milliseconds after which text is written without a frame: tabs in the background get none. */
const LATEST = 250;

const dirty = new Set();
let frame = 0;
let timer = 0;

function schedule(stream) {
  if (dirty.size === 0) {
    frame = requestAnimationFrame(paintAll);
    timer = setTimeout(paintAll, LATEST);
  }
  dirty.add(stream);
}

function paintAll() {
  cancelAnimationFrame(frame);
  clearTimeout(timer);
  const streams = [...dirty];
  dirty.clear();
  for (const stream of streams) stream.paint();
}

/** Text that grows at its end. `element.textContent` is what was appended, to the character. */
export class TextStream {
  #block = null;
  #length = 0;
  #pending = [];

  constructor(element) {
    this.element = element;
  }

  /** Add text; it shows with the next frame. */
  append(text) {
    this.#pending.push(text);
    schedule(this);
  }

  /** Write what is pending. */
  paint() {
    let text = this.#pending.join("");
    this.#pending = [];
    while (text) {
      if (this.#block === null) this.#open();
      const room = Math.max(0, BLOCK_LENGTH - this.#length);
      // A line break at a block's end makes no empty line, so the seam cannot be seen.
      const end = text.indexOf("\n", room) + 1;
      const taken = end ? text.slice(0, end) : text;
      this.#block.appendData(taken);
      this.#length += taken.length;
      text = text.slice(taken.length);
      if (end) this.#block = null;
    }
  }

  #open() {
    this.#block = new Text();
    this.#length = 0;
    const holder = document.createElement("div");
    holder.append(this.#block);
    this.element.append(holder);
  }
}
