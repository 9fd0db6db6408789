// Where the user writes: message, model, Send and Stop. The text is only cleared once it was taken.

import { byId } from "./dom.js";

const MODEL_KEY = "runnel.model";

export class Composer {
  #form = byId("composer");
  #text = byId("message");
  #model = byId("model");
  #send = byId("send");
  #stop = byId("stop");
  #note = byId("note");
  #handlers;
  #isSending = false;
  #isRunning = false;
  #draftKey;

  /** @param {{send: Function, stop: Function, draft: string}} handlers  `send(text, model)` resolves once taken */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#draftKey = `runnel.draft.${handlers.draft}`;
    this.#model.value = localStorage.getItem(MODEL_KEY) || this.#model.value;
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

  /** Say something beside the field, or nothing. */
  note(words, code = "") {
    this.#note.textContent = words;
    if (code) {
      const shown = document.createElement("code");
      shown.textContent = code;
      this.#note.append(" ", shown);
    }
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
    if (!text.trim() || this.#isSending) return;
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
      await this.#handlers.send(text, model);
      localStorage.setItem(MODEL_KEY, model);
      if (this.#text.value === text) this.#text.value = "";
      this.#keepDraft();
    } catch (error) {
      this.note(error.message, error.code);
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
