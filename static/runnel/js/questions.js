// What is asked about one tool call that waits: approve, edit or deny it, or hand in its result.
//
// Knows one interrupt of AG-UI and its card. What was decided is collected in `approvals.js`.

import { element } from "./dom.js";
import { shown } from "./hidden.js";
import { isForProgram } from "./interrupts.js";
import { pretty } from "./json.js";

function button(label, look, pressed) {
  const made = element("button", { type: "button", class: look }, label);
  made.addEventListener("click", pressed);
  return made;
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
  #beforehand;
  #decided;
  #form = element("div", { class: "question" });
  /** What was decided, as an entry of AG-UI's `resume`, or null. */
  #decision = null;

  /**
   * @param {any} interrupt  AG-UI's
   * @param {import("./toolcards.js").ToolCard} card  of the call
   * @param {() => void} decided  called when a decision was made or taken back
   * @param {{mayAllow: boolean, decide: (verdict: string, pattern: string, isHere: boolean) => Promise}} [beforehand]
   *   who stores a standing decision, for this conversation or for all, and whether one may allow; none without it
   */
  constructor(interrupt, card, decided, beforehand) {
    this.#interrupt = interrupt;
    this.#card = card;
    this.#decided = decided;
    this.#beforehand = beforehand;
    // Escape shuts what is open in here; outside it may stop a run.
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#form.querySelector("textarea, input, .which")) return;
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
    const fields = this.#form.querySelectorAll("button, input, textarea, select");
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
          ...(this.#beforehand ? [button("Always…", "quiet always", () => this.#askBeforehand())] : []),
        ),
      );
    }
    if (selector) this.#form.querySelector(selector)?.focus({ preventScroll: true });
  }

  async #edit() {
    const text = pretty(this.#card.arguments || "{}");
    const schema = this.#interrupt.responseSchema?.properties?.editedArgs;
    const problem = element("p", { class: "problem", role: "status" });
    // Few people edit: it is loaded when somebody does.
    const { ArgumentsForm } = await import("./schemaform.js");
    const form = new ArgumentsForm({
      schema,
      text,
      name: this.#card.name,
      changed: () => {
        problem.textContent = form.problem;
        approve.disabled = Boolean(form.problem);
      },
    });
    const approve = button("Approve edited", "primary", () => {
      // What was not changed is what the model asked for, to the character.
      const isSame = form.text === text;
      this.#take(isSame ? { approved: true } : { approved: true, editedArgs: JSON.parse(form.text) });
    });
    const back = button("Back", "quiet", () => this.#open(".approve"));
    this.#form.replaceChildren(form.element, problem, element("div", { class: "choices" }, approve, back));
    form.focus();
  }

  // What is decided for the calls to come is stored first; then it holds for this one, too.
  #askBeforehand() {
    const { name } = this.#card;
    const server = name.includes("__") ? name.slice(0, name.indexOf("__")) : "";
    const which = element(
      "select",
      { "aria-label": "For which tools" },
      element("option", { value: name }, shown(name)),
      ...(server ? [element("option", { value: `${server}__*` }, `all tools of ${shown(server)}`)] : []),
    );
    const problem = element("p", { class: "problem", role: "alert" });
    const offer = (words, look, verdict, isHere) =>
      button(words, look, async () => {
        this.isLocked = true;
        try {
          await this.#beforehand.decide(verdict, which.value, isHere);
        } catch (error) {
          this.isLocked = false;
          problem.textContent = error.message;
          return;
        }
        this.#take({ approved: verdict === "allow" });
      });
    const allow = [
      offer("Allow in this conversation", "primary", "allow", true),
      offer("Allow always", "quiet", "allow", false),
    ];
    this.#form.replaceChildren(
      element("p", { class: "which" }, "From now on, for calls of ", server ? which : element("code", {}, shown(name)), ":"),
      element(
        "div",
        { class: "choices" },
        ...(this.#beforehand.mayAllow ? allow : []),
        offer("Deny in this conversation", "quiet deny", "deny", true),
        offer("Deny always", "quiet deny", "deny", false),
        button("Back", "quiet", () => this.#open(".approve")),
      ),
      element("p", { class: "about" }, "You can revoke it under Approvals. If the tool changes, you are asked again."),
      problem,
    );
    this.#form.querySelector("select, button").focus({ preventScroll: true });
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
