// What is asked about one tool call that waits: approve, edit or deny it, or hand in its result.
//
// Knows one interrupt of AG-UI and its card. What was decided is collected in `approvals.js`.

import { element } from "./dom.js";
import { pretty, problemOf } from "./json.js";

function button(label, look, pressed) {
  const made = element("button", { type: "button", class: look }, label);
  made.addEventListener("click", pressed);
  return made;
}

/** Return whether a call waits for the result of a program, not for a decision. */
export function isForProgram({ reason }) {
  return reason === "tool_result";
}

function inWords({ approved, editedArgs, reason, result }) {
  if (result !== undefined) return "You hand in a result.";
  if (!approved) return reason ? `You deny it: “${reason}”` : "You deny it.";
  return editedArgs ? "You approve it with other arguments." : "You approve it.";
}

function shownWith({ editedArgs, result }) {
  const text = editedArgs ? pretty(JSON.stringify(editedArgs)) : result;
  return text ? [element("div", { class: "code" }, text)] : [];
}

export class Question {
  #interrupt;
  #card;
  #decided;
  #form = element("div", { class: "question" });
  /** What was decided, as an entry of AG-UI's `resume`, or null. */
  #decision = null;

  /**
   * @param {object} interrupt  AG-UI's
   * @param {import("./toolcards.js").ToolCard} card  of the call
   * @param {() => void} decided  called when a decision was made or taken back
   */
  constructor(interrupt, card, decided) {
    this.#interrupt = interrupt;
    this.#card = card;
    this.#decided = decided;
    // Escape shuts what is open in here; outside it may stop a run.
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#form.querySelector("textarea, input")) return;
      event.preventDefault();
      event.stopPropagation();
      if (!isForProgram(interrupt)) this.#open(".approve");
    });
    card.ask(this.#form);
    this.#open();
  }

  get decision() {
    return this.#decision;
  }

  get isForProgram() {
    return isForProgram(this.#interrupt);
  }

  /** Decide as "approve all" and "deny all" do. */
  decide(isApproved) {
    this.#take({ approved: isApproved });
  }

  /** Allow changes, or allow none while a decision is on its way. */
  set isLocked(isLocked) {
    /** @type {NodeListOf<HTMLButtonElement>} */
    const fields = this.#form.querySelectorAll("button, input, textarea");
    for (const field of fields) field.disabled = isLocked;
  }

  /** Take the focus, and come into sight. */
  focus() {
    const first = /** @type {HTMLElement | null} */ (this.#form.querySelector("button, textarea"));
    first?.focus({ preventScroll: true });
    this.#card.element.scrollIntoView({ block: "nearest" });
  }

  /** Nothing is asked any more. */
  remove() {
    // Who was in here is not sent to the page's top.
    if (this.#form.contains(document.activeElement)) this.#card.element.focus({ preventScroll: true });
    this.#form.remove();
  }

  #take(payload, status = "resolved") {
    const { id, metadata } = this.#interrupt;
    const digest = metadata?.digest;
    this.#decision = { interruptId: id, status, payload, ...(digest && { metadata: { digest } }) };
    const change = button("Change", "link", () => {
      this.#decision = null;
      this.#open("button, textarea");
      this.#decided();
    });
    this.#card.status = "decided";
    const isHere = this.#form.contains(document.activeElement);
    this.#form.replaceChildren(element("p", {}, inWords(payload), " ", change), ...shownWith(payload));
    if (isHere) change.focus({ preventScroll: true });
    this.#decided();
  }

  // What is asked at first. The focus goes to what `selector` finds, or stays where it is.
  #open(selector = null) {
    this.#card.status = this.isForProgram ? "elsewhere" : "pending";
    if (this.isForProgram) this.#askForResult();
    else {
      this.#form.replaceChildren(
        element(
          "div",
          { class: "choices" },
          button("Approve", "primary approve", () => this.#take({ approved: true })),
          button("Edit", "quiet", () => this.#edit()),
          button("Deny", "quiet deny", () => this.#askWhy()),
        ),
      );
    }
    if (selector) this.#form.querySelector(selector)?.focus({ preventScroll: true });
  }

  #edit() {
    const text = pretty(this.#card.arguments || "{}");
    const problem = element("p", { class: "problem", role: "status" });
    const field = element("textarea", {
      class: "code",
      rows: String(Math.min(14, Math.max(3, text.split("\n").length + 1))),
      spellcheck: "false",
      autocapitalize: "off",
      "aria-label": `Arguments of ${this.#card.name}`,
    });
    field.value = text;
    const approve = button("Approve edited", "primary", () => {
      // What was not changed is what the model asked for, to the character.
      const isSame = field.value === text;
      this.#take(isSame ? { approved: true } : { approved: true, editedArgs: JSON.parse(field.value) });
    });
    field.addEventListener("input", () => {
      problem.textContent = problemOf(field.value);
      approve.disabled = Boolean(problem.textContent);
      field.setAttribute("aria-invalid", String(approve.disabled));
    });
    const back = button("Back", "quiet", () => this.#open(".approve"));
    this.#form.replaceChildren(field, problem, element("div", { class: "choices" }, approve, back));
    field.focus();
  }

  #askWhy() {
    const reason = element("input", {
      type: "text",
      maxlength: "500",
      placeholder: "Why? The model reads it. You may leave it empty.",
      "aria-label": `Why ${this.#card.name} is denied`,
    });
    const deny = () => this.#take({ approved: false, ...(reason.value.trim() && { reason: reason.value.trim() }) });
    reason.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      deny();
    });
    const back = button("Back", "quiet", () => this.#open(".approve"));
    this.#form.replaceChildren(reason, element("div", { class: "choices" }, button("Deny", "stop", deny), back));
    reason.focus();
  }

  #askForResult() {
    const field = element("textarea", { rows: "2", "aria-label": `Result of ${this.#card.name}` });
    this.#form.replaceChildren(
      element("p", {}, "A program has to run this and hand in the result. You can do so by hand:"),
      field,
      element(
        "div",
        { class: "choices" },
        button("Hand in", "primary", () => this.#take({ approved: true, result: field.value })),
        button("Refuse", "quiet deny", () => this.#take({ approved: false }, "cancelled")),
      ),
    );
  }
}
