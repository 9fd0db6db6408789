// What a model has thought before it answers: open with a clock while it thinks, folded with its duration afterwards.

import { startClock, stopClock } from "./clock.js";
import { element } from "./dom.js";
import { duration } from "./format.js";

export class Reasoning {
  /** Gets the words. */
  words = element("div", { class: "text" });
  /** How long it took in seconds; null while nobody knows. */
  seconds = null;
  #took = element("span", { class: "took" });
  #title = element("summary", {}, element("span", {}, "Thinking…"), " ", this.#took);
  #isTouched = false;
  element = element("details", { class: "reasoning", open: true }, this.#title, this.words);

  /** @param {{isTimed: boolean}} options  whether it begins now, so that its clock is right */
  constructor({ isTimed }) {
    this.#title.addEventListener("click", () => {
      this.#isTouched = true;
    });
    if (isTimed) startClock(this.#took);
  }

  /** It is over: fold it, unless the reader has opened or shut it. */
  end() {
    stopClock(this.#took);
    this.#took.textContent = this.seconds == null ? "" : duration(this.seconds);
    this.#title.replaceChildren(element("span", {}, "Reasoning"), ...(this.seconds == null ? [] : [" ", this.#took]));
    if (!this.#isTouched) this.element.open = false;
  }
}
