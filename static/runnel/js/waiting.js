// What a run waits for: told at once, and asked once the module for decisions is loaded.

import { countdown } from "./countdown.js";
import { element } from "./dom.js";
import { isForProgram } from "./interrupts.js";

function waitsFor(interrupts) {
  const programs = interrupts.filter(isForProgram).length;
  if (programs === interrupts.length) return "Waiting for a program’s result";
  return programs ? "Waiting for your decision, and for a program’s result" : "Waiting for your decision";
}

export class Waiting {
  element = element("div");
  /** What is waited for, in words. */
  words;
  /** How long that can still be decided, as nodes. */
  until = [];
  /** Both in a sentence to be read out. */
  announcement;
  #approvals = null;
  #isOver = false;

  /**
   * @param {{interrupts: any[], cards: Map<string, any>, resolve: Function | null, beforehand?: object}} options
   *   as `Approvals` takes them; `resolve` is null for somebody who only looks
   */
  constructor(options) {
    const { interrupts, cards, resolve } = options;
    if (resolve) {
      this.words = waitsFor(interrupts);
      if (interrupts[0]?.expiresAt) this.until = [countdown(interrupts[0].expiresAt)];
      this.announcement = `${this.words}: ${[...cards.values()].map(({ name }) => name).join(", ")}.`;
      this.#ask(options);
    } else {
      this.words = "Waiting for a decision of the owner";
      this.announcement = `${this.words}.`;
    }
  }

  /** The run goes on: nothing can be decided any more. */
  close() {
    this.#isOver = true;
    this.#approvals?.close();
  }

  async #ask(options) {
    try {
      const { Approvals } = await import("./approvals.js");
      if (this.#isOver) return;
      this.#approvals = new Approvals(options);
      this.element.append(this.#approvals.element);
    } catch {
      this.element.append(element("p", { class: "problem" }, "What asks for your decision could not be loaded. Load the page again."));
    }
  }
}
