// One tool call in an answer: what the model asks for, how it stands, what came of it.
//
// Draws what it is told. What a person decides about it is asked in `questions.js`.

import { startClock, stopClock } from "./clock.js";
import { element } from "./dom.js";
import { callState, decision, duration } from "./format.js";
import { shown } from "./hidden.js";
import { isJson, parts, pretty, prettyResult } from "./json.js";
import { fileElement } from "./media.js";
import { TextStream } from "./text.js";
import { OPEN_CALLS, RESULT_TITLES, wordsFor } from "./vocabulary.js";
import { withoutNote } from "./words.js";

/** Lines and characters of a result that are shown at once. */
const LINES = 12;
const CHARACTERS = 1200;

/** Characters of a result, and of a sentence, that need no block of their own. */
const SHORT = 80;
const SENTENCE = 240;

/** Return as much of a text as is shown at once. */
function beginning(text) {
  return text.split("\n", LINES).join("\n").slice(0, CHARACTERS).toWellFormed();
}

/** Return the nodes for the arguments of a call. */
function argumentNodes(text) {
  return parts(pretty(text)).map((part) => (part.isolated ? element("bdi", {}, part.text) : part.text));
}

/** Return the block for a text that may be long: its beginning, and a button for all of it. */
function clipped(text) {
  const shown = beginning(text);
  if (shown.length === text.length) return [element("div", { class: "code" }, text)];
  const block = element("div", { class: "code" }, `${shown}…`);
  const size = text.length.toLocaleString("en");
  const more = element("button", { type: "button", class: "link" }, `Show all ${size} characters`);
  more.addEventListener("click", () => {
    block.textContent = text;
    // It scrolls now, also for who has no mouse.
    block.tabIndex = 0;
    block.focus({ preventScroll: true });
    more.remove();
  });
  return [block, more];
}

export class ToolCard {
  #state = element("span", { class: "state" });
  #code = element("div", { class: "arguments code" });
  #about = element("p", { class: "about" });
  #stream = new TextStream(this.#code);
  #text = "";
  #status = "";
  #decision = "";
  #told = "";
  #hasResult = false;
  #since;
  #took = element("span", { class: "took" });
  #progress = element("progress", { "aria-label": "Progress" });
  #progressed = element("p", { class: "about" }, this.#progress, element("span", {}));

  /**
   * @param {string} id  as the provider calls it, which may be what it calls others as well
   * @param {string} name  the tool's
   */
  constructor(id, name) {
    this.id = id;
    this.name = name;
    /** What its interrupt and its answer are called, or "" while that is not known. */
    this.key = "";
    this.#about.hidden = true;
    this.element = element(
      "div",
      { class: "card call", role: "group", "aria-label": `Tool call ${name}`, tabindex: "-1" },
      element("div", { class: "head" }, element("h3", {}, shown(name)), this.#took, this.#state),
      this.#code,
      this.#about,
    );
    this.status = "asking";
  }

  get arguments() {
    return this.#text;
  }

  /** Show exactly these: what a decision is about. */
  set arguments(text) {
    if (text === this.#text) return;
    this.#stream.paint();
    this.#text = text;
    this.#code.replaceChildren(...argumentNodes(text));
  }

  get hasResult() {
    return this.#hasResult;
  }

  get isOpen() {
    return OPEN_CALLS.has(this.#status);
  }

  get status() {
    return this.#status;
  }

  /** Show how the call stands: a `ToolCallStatus`, or what only the page tells apart (`PAGE_CALL_STATUSES`). */
  set status(status) {
    if (status === this.#status) return;
    this.#status = status;
    this.element.dataset.status = status;
    this.#state.textContent = callState(status);
    if (status === "running") startClock(this.#took, this.#since);
    else stopClock(this.#took);
  }

  /** Take since when the tool runs, as `performance.now()` tells it. */
  set since(since) {
    this.#since = since;
    if (this.#status === "running") startClock(this.#took, since);
  }

  /** Show how long the tool has run; null for one that has not, or of which nobody knows. */
  set seconds(seconds) {
    this.#took.textContent = seconds == null ? "" : duration(seconds);
  }

  /** Add arguments as they come in. */
  append(delta) {
    this.#text += delta;
    this.#stream.append(delta);
  }

  /** No more arguments come: all are there, or the stream was cut. */
  endArguments() {
    this.#stream.paint();
    const isWhole = !this.#text || isJson(this.#text);
    if (isWhole) this.#code.replaceChildren(...argumentNodes(this.#text || "{}"));
    if (this.#status === "asking") this.status = isWhole ? "asked" : "incomplete";
  }

  /** Write what is pending. */
  paint() {
    this.#stream.paint();
  }

  /** Show what was decided: `decision`, and as far as it is known `decided_by`, `reason`, `edited_arguments`. */
  decided(call) {
    this.#decision = decision(call);
    this.#tell();
    if (call.decision !== "edited" || !call.edited_arguments || this.element.querySelector(".original")) return;
    // The model's own may still come in: they are drawn where they were, in another place.
    this.#code.replaceWith(element("div", { class: "arguments code" }, ...argumentNodes(call.edited_arguments)));
    this.#code.classList.remove("arguments");
    this.#about.after(
      element("details", { class: "original" }, element("summary", {}, "What the model asked for"), this.#code),
    );
  }

  /** Show what the call was answered with, how it stands now, and the files that the tool made. */
  addResult(content, status, files = []) {
    this.#hasResult = true;
    this.#progressed.remove();
    this.status = status;
    this.#addText(content, status);
    if (files.length > 0) this.element.append(element("div", { class: "files" }, ...files.map(fileElement)));
  }

  #addText(content, status) {
    const text = prettyResult(withoutNote(content)) || "(nothing)";
    const isOneLine = !text.includes("\n");
    const titled = wordsFor(RESULT_TITLES, status);
    if (!titled && isOneLine && text.length <= SENTENCE) {
      // Why there is no result; who denied it has said so.
      if (status !== "denied") this.#told = text;
      this.#tell();
    } else if (titled && isOneLine && text.length <= SHORT) {
      const label = element("span", { class: "label" }, titled);
      this.element.append(element("div", { class: "result short" }, label, element("div", { class: "code" }, text)));
    } else {
      const title = element("summary", {}, titled ?? "What the model was told");
      this.element.append(element("details", { class: "result", open: Boolean(titled) }, title, ...clipped(text)));
    }
  }

  /** Show how far the call is: `progress`, and as far as it is known `total` and `message`. */
  progressed({ progress, total, message = "" }) {
    if (this.#hasResult) return;
    if (total > 0) Object.assign(this.#progress, { max: total, value: progress });
    else this.#progress.removeAttribute("value");
    this.#progressed.lastChild.textContent = shown(message) || (total > 0 ? `${progress} of ${total}` : String(progress));
    if (!this.#progressed.isConnected) this.element.append(this.#progressed);
  }

  /** Put what asks for a decision into the card; it is taken out again by its owner. */
  ask(form) {
    this.element.append(form);
  }

  #tell() {
    const words = [this.#decision, this.#told].filter(Boolean).join(". ");
    this.#about.textContent = shown(words);
    this.#about.hidden = !words;
  }
}
