// What a run waits for: one question for each pending call, and one answer to all of them together.

import { element } from "./dom.js";
import { Question } from "./questions.js";

/** What is said when the decision is none any more, by code. Other errors speak for themselves. */
const OUTDATED = {
  interrupt_mismatch: "What waits here has changed meanwhile. Look again, please.",
  already_terminal: "The answer has ended meanwhile: there is nothing to decide any more.",
};

export class Approvals {
  element = element("div", { class: "approvals", role: "group", "aria-label": "Decisions" });
  #bar = element("div", { class: "choices" });
  #problem = element("p", { class: "problem", role: "alert" });
  #questions;
  #resolve;
  #isSending = false;
  #isRetryable = false;

  /**
   * @param {{interrupts: object[], cards: Map<string, object>, resolve: (resume: object[]) => Promise,
   *   beforehand?: object}} options
   *   AG-UI's interrupts, the card of each by its id, who takes the decisions once all are made, and who takes
   *   standing decisions (see `questions.js`)
   */
  constructor({ interrupts, cards, resolve, beforehand }) {
    this.#resolve = resolve;
    this.#questions = interrupts.map(
      (interrupt) => new Question(interrupt, cards.get(interrupt.id), () => this.#changed(), beforehand),
    );
    this.element.append(this.#bar, this.#problem);
    this.#draw();
  }

  /** The run goes on: nothing can be decided any more. What went wrong stays to be read. */
  close() {
    for (const question of this.#questions) question.remove();
    this.#questions = [];
    this.#bar.remove();
    // That it could not be sent is over: it was, or somebody else has decided.
    if (this.#isRetryable) this.#problem.textContent = "";
    this.element.hidden = !this.#problem.textContent;
  }

  get #open() {
    return this.#questions.filter(({ decision }) => decision === null);
  }

  #changed() {
    this.#problem.textContent = "";
    this.#isRetryable = false;
    this.#draw();
    const [next] = this.#open;
    if (!next) this.#send();
    else if (document.activeElement?.closest(".question")) next.focus();
  }

  #draw() {
    const all = this.#questions.length;
    const open = this.#open;
    const isHere = this.#bar.contains(document.activeElement);
    this.#bar.replaceChildren();
    if (all > 1) {
      const decided = all - open.length;
      const words = decided ? `${decided} of ${all} are decided.` : `${all} calls wait for a decision.`;
      this.#bar.append(element("p", {}, open.length ? `${words} They go on together.` : words));
    }
    if (all > 1 && open.some((question) => !question.isForProgram)) {
      const which = all === open.length ? "all" : "the rest";
      this.#offer(`Approve ${which}`, "primary", () => this.#decideRest(true));
      this.#offer(`Deny ${which}`, "quiet", () => this.#decideRest(false));
    }
    if (!open.length && this.#isRetryable) this.#offer("Send again", "primary", () => this.#send());
    if (isHere) (open[0] ?? this.#questions[0]).focus();
  }

  #offer(label, look, pressed) {
    const made = element("button", { type: "button", class: look }, label);
    made.addEventListener("click", pressed);
    this.#bar.append(made);
  }

  #decideRest(isApproved) {
    for (const question of this.#open) if (!question.isForProgram) question.decide(isApproved);
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#isRetryable = false;
    this.#problem.textContent = "";
    this.#lock(true);
    try {
      await this.#resolve(this.#questions.map(({ decision }) => decision));
    } catch (error) {
      const isClosed = !this.#questions.length;
      if (isClosed && error.retryable) return;
      this.#problem.textContent = OUTDATED[error.code] ?? error.message;
      this.element.hidden = false;
      this.#isSending = false;
      this.#isRetryable = error.retryable;
      this.#draw();
      this.#lock(false);
    }
  }

  #lock(isLocked) {
    for (const question of this.#questions) question.isLocked = isLocked;
    for (const each of this.#bar.querySelectorAll("button")) each.disabled = isLocked;
    this.element.setAttribute("aria-busy", String(isLocked));
  }
}
