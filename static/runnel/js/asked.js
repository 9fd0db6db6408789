// What a person has asked: a bubble, what can be done with it, and the field in which it is changed.

import { alternatives } from "./alternatives.js";
import { copy } from "./clipboard.js";
import { element } from "./dom.js";
import { iconButton } from "./icons.js";
import { mediaElement, toEvent } from "./media.js";

export class Asked {
  #bubble = element("div", { class: "asked" });
  #buttons = element("div", { class: "asked-actions" });
  #versions = element("span");
  #edit;
  #branch;
  #handlers;
  #fork = null;

  /** Id of the stored message; "" while that is not known. */
  id = "";
  /** Id of the message before it: null at the beginning, undefined while that is not known. */
  parent = undefined;

  /**
   * @param {{words: string, files: object[], isSteer?: boolean}} said  `isSteer`: it was said while the answer went on
   * @param {{edit?: (asked: Asked, words: string) => Promise<void>, branch?: (message: string) => void,
   *   show?: (runId: string) => void}} handlers  without `edit` it cannot be changed; `branch` goes on behind a message in another way
   */
  constructor({ words, files, isSteer = false }, handlers) {
    this.isSteer = isSteer;
    this.words = words;
    this.files = files;
    this.#handlers = handlers;
    this.#edit = iconButton("edit", "Edit the message", () => this.edit());
    const copies = iconButton("copy", "Copy the message", () => copy(words, copies));
    this.#branch = iconButton("again branch", "Branch: go on from this message in another way", () => handlers.branch?.(this.id));
    this.#buttons.append(...(words ? [copies] : []), this.#edit, this.#branch, this.#versions);
    this.#show();
  }

  /** The elements, in the order of the page. */
  get elements() {
    return [this.#bubble, this.#buttons];
  }

  /** Take where it is stored. */
  know({ id, parent_id: parent }) {
    this.id = id;
    if (parent !== undefined) this.parent = parent;
    this.#offer();
  }

  /** Show which version of it this is; null if there is but one. */
  set fork(fork) {
    this.#fork = fork;
    const made = fork ? alternatives(fork, "question", this.#handlers.show) : element("span");
    this.#versions.replaceWith(made);
    this.#versions = made;
  }

  /** Let the user change it. Return whether that is possible. */
  edit() {
    if (!this.canEdit) return false;
    const field = element("textarea", { rows: "1", "aria-label": "Your message" });
    field.value = this.words;
    const problem = element("p", { class: "problem", role: "alert" });
    const send = element("button", { type: "button", class: "primary" }, "Send");
    const cancel = element("button", { type: "button", class: "quiet" }, "Cancel");
    const leave = () => {
      this.#show();
      this.#edit.focus({ preventScroll: true });
    };
    const submit = async () => {
      if (send.disabled || (!field.value.trim() && !this.files.length)) return;
      send.disabled = true;
      try {
        await this.#handlers.edit(this, field.value);
      } catch (error) {
        problem.textContent = error.message;
        send.disabled = false;
      }
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      const isSent = event.key === "Enter" && !event.shiftKey;
      if (!isSent && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      if (isSent) submit();
      else leave();
    });
    send.addEventListener("click", submit);
    cancel.addEventListener("click", leave);
    this.#bubble.classList.add("edited");
    this.#buttons.hidden = true;
    const files = element("div", { class: "files" }, ...this.files.map(mediaElement));
    const choices = element("div", { class: "choices" }, cancel, send);
    this.#bubble.replaceChildren(files, field, problem, choices);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    this.#bubble.scrollIntoView({ block: "nearest" });
    return true;
  }

  /** The files as AG-UI parts, to be sent again. */
  get parts() {
    return this.files.map(toEvent);
  }

  /** Whether it can be changed: once it is known where it is stored. */
  get canEdit() {
    return Boolean(this.#handlers.edit && !this.isSteer && this.id && this.parent !== undefined);
  }

  #offer() {
    this.#edit.hidden = !this.canEdit;
    this.#branch.hidden = !this.#handlers.branch || this.isSteer || !this.id;
  }

  #show() {
    const you = element("span", { class: "visually-hidden" }, "You: ");
    this.#bubble.classList.remove("edited");
    const files = this.files.length ? [element("div", { class: "files" }, ...this.files.map(mediaElement))] : [];
    this.#bubble.replaceChildren(you, ...files, this.words);
    this.#buttons.hidden = false;
    this.#offer();
    this.fork = this.#fork;
  }
}
