// Streams text into the page: all writes of a frame happen together, however many deltas came.

/** Characters after which a block ends at the next line break, so that layout stays local. */
const BLOCK_LENGTH = 2000;

/** Milliseconds after which text is written without a frame: tabs in the background get none. */
const LATEST = 250;

/** Milliseconds of a frame that are spent on text; the rest waits for the next. */
const ENOUGH = 16;

/** What must be written. Streams have `paint(isLate)`, which tells whether they have written all. */
const dirty = new Set();
let frame = 0;
let timer = 0;
/** Until when text may be written at once, instead of with a frame; 0 if nothing was since the last one. */
let atOnce = 0;

/** Show what a stream has got, with the next frame. */
export function schedule(stream) {
  dirty.add(stream);
  if (timer) return;
  frame = requestAnimationFrame(paintAll);
  timer = setTimeout(paintAll, LATEST);
}

/** Show now what a stream has got, unless much was shown at once already: then it is scheduled. */
export function paintSoon(stream) {
  atOnce ||= performance.now() + ENOUGH;
  dirty.add(stream);
  paint(stream, () => performance.now() > atOnce);
  // The frame ends the time, too.
  schedule(stream);
}

// A stream that fails is given up until it gets more: the others are painted all the same.
function paint(stream, isLate) {
  try {
    if (!stream.paint(isLate)) return;
  } catch (error) {
    console.error(error);
  }
  dirty.delete(stream);
}

function paintAll() {
  cancelAnimationFrame(frame);
  clearTimeout(timer);
  timer = 0;
  atOnce = 0;
  const end = performance.now() + ENOUGH;
  const isLate = () => performance.now() > end;
  // What is read first is at the end.
  for (const stream of [...dirty].reverse()) {
    paint(stream, isLate);
    if (isLate()) break;
  }
  const [next] = dirty;
  if (next) schedule(next);
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

  /** Write what is pending. Return that nothing is left. */
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
    return true;
  }

  #open() {
    this.#block = new Text();
    this.#length = 0;
    const holder = document.createElement("div");
    holder.append(this.#block);
    this.element.append(holder);
  }
}
