// Where the user writes: message, model, Send and Stop. The text is only cleared once it was taken.

import { Attachments } from "./attachments.js";
import { byId } from "./dom.js";

/** Where this browser keeps the model that answered last. */
const MODEL_KEY = "runnel.model";

export class Composer {
  #form = byId("composer");
  #text = byId("message");
  #model = byId("model");
  #send = byId("send");
  #stop = byId("stop");
  #note = byId("note");
  #attachments = new Attachments({
    drop: this.#form,
    problem: (words) => this.note(words),
    changed: () => this.#show(),
  });
  #handlers;
  #isNoteOffline = false;
  #isSending = false;
  #isRunning = false;
  #hasProposed = false;
  #draftKey = "";

  /**
   * @param {{send: Function, stop: Function}} handlers  `send(text, files, model)` resolves once taken
   * @param {string} conversation  id of the conversation that is written to, or ""
   */
  constructor(handlers, conversation) {
    this.#handlers = handlers;
    this.conversation = conversation;
    this.#text.value ||= sessionStorage.getItem(this.#draftKey) ?? "";
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => this.#keepDraft());
    this.#stop.addEventListener("click", () => this.#handlers.stop());
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#isRunning && !document.querySelector("dialog[open]")) {
        this.#handlers.stop();
      }
    });
    this.#show();
  }

  /** The conversation that is written to: each has a draft of its own. */
  set conversation(id) {
    if (this.#draftKey) sessionStorage.removeItem(this.#draftKey);
    this.#draftKey = `runnel.draft.${id}`;
  }

  /** Say something beside the field, or nothing. What is true only while offline goes with `online`. */
  note(words, { whileOffline = false } = {}) {
    this.#note.textContent = words;
    this.#isNoteOffline = whileOffline;
  }

  /** Take back what was only true without a connection. */
  online() {
    if (this.#isNoteOffline) this.note("");
  }

  /** Propose a model, or the one that answered last; only the first time, and never over a typed one. */
  propose(model = localStorage.getItem(MODEL_KEY)) {
    if (this.#hasProposed) return;
    this.#hasProposed = true;
    if (model && this.#model.value === this.#model.defaultValue) this.#model.value = model;
  }

  /** Remember a model that has answered: new conversations begin with it. */
  remember(model) {
    localStorage.setItem(MODEL_KEY, model);
  }

  /** Put words that were sent before back into the field; what is being written there stays. */
  writeAgain(words) {
    if (this.#text.value.trim()) {
      this.note("You are writing something else. Send or remove that first.");
    } else {
      this.#text.value = words;
      this.#keepDraft();
    }
    this.#text.focus();
  }

  /** Offer Stop instead of Send while a run goes on. */
  set isRunning(value) {
    const hadFocus = document.activeElement === this.#stop;
    this.#isRunning = value;
    this.#show();
    if (hadFocus && !value) this.#text.focus();
  }

  async #submit() {
    const text = this.#text.value;
    const model = this.#model.value.trim();
    const files = this.#attachments.isBusy ? [] : this.#attachments.parts;
    if (!(text.trim() || files.length) || this.#isSending) return;
    if (this.#attachments.isBusy) {
      this.note("Wait until the files have been uploaded.");
      return;
    }
    if (this.#isRunning) {
      this.note("Wait for the answer, or stop it first.");
      return;
    }
    if (!model) {
      this.note("Choose a model first.");
      this.#model.focus();
      return;
    }
    this.#isSending = true;
    this.#show();
    this.note("");
    try {
      await this.#handlers.send(text, files, model);
      this.#attachments.clear();
      if (this.#text.value === text) this.#text.value = "";
      this.#keepDraft();
    } catch (error) {
      this.note(error.message);
    } finally {
      this.#isSending = false;
      this.#show();
    }
  }

  #keepDraft() {
    if (this.#text.value) sessionStorage.setItem(this.#draftKey, this.#text.value);
    else sessionStorage.removeItem(this.#draftKey);
  }

  #show() {
    this.#send.hidden = this.#isRunning;
    this.#stop.hidden = !this.#isRunning;
    this.#send.disabled = this.#isSending;
    this.#form.setAttribute("aria-busy", String(this.#isSending));
  }
}
