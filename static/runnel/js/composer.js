// Where the user writes: message, model, Send and Stop. The text is only cleared once it was taken.

import { Attachments } from "./attachments.js";
import { byId, element } from "./dom.js";
import { isBlank, modelName } from "./words.js";

/** Where this browser keeps the model that answered last. */
const MODEL_KEY = "runnel.model";
const EMULATOR = "emulator/";

export class Composer {
  #form = byId("composer");
  #text = byId("message");
  #model = byId("model");
  #send = byId("send");
  #stop = byId("stop");
  #note = byId("note");
  #waits = byId("waits");
  #instead = byId("instead");
  #attachments = new Attachments({
    drop: this.#form,
    problem: (words) => this.note(words),
    changed: () => this.#show(),
  });
  #handlers;
  #isNoteOffline = false;
  #isGone = false;
  #isSending = false;
  #activity = "idle";
  #hasProposed = false;
  #draftKey = "";
  /** Counts the conversations that were written to. */
  #turn = 0;

  /**
   * @param {{send: Function, stop: Function, lastQuestion: () => string}} handlers  `send(text, files, model,
   *   {instead})` resolves once taken; `instead` is whether the run that waits is to be stopped for it
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
      if (event.key === "ArrowUp" && !this.#text.value && this.#handlers.lastQuestion()) {
        event.preventDefault();
        this.writeAgain(this.#handlers.lastQuestion());
      }
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => {
      this.#keepDraft();
      this.#forgetNote();
      this.#show();
    });
    this.#instead.addEventListener("click", () => this.#submit({ instead: true }));
    this.#model.addEventListener("input", () => this.#forgetNote());
    this.#stop.addEventListener("click", () => this.#handlers.stop());
    this.#show();
  }

  /** The conversation that is written to: each has a draft of its own. */
  set conversation(id) {
    if (this.#draftKey) sessionStorage.removeItem(this.#draftKey);
    this.#draftKey = `runnel.draft.${id}`;
  }

  /** Go on to another conversation, or a new one with "": each has a draft of its own. */
  open(id) {
    this.#turn++;
    this.#draftKey = `runnel.draft.${id}`;
    this.#text.value = sessionStorage.getItem(this.#draftKey) ?? "";
    this.#isGone = false;
    this.#isSending = false;
    this.#hasProposed = false;
    this.#model.value = this.#model.defaultValue;
    this.note("");
    this.#show();
  }

  /**
   * Wait for something that was sent before the page was loaded again: its words are in the field until it was taken,
   * and nothing else is sent meanwhile.
   * @param {string} words
   * @param {Promise<unknown>} taken
   */
  async resume(words, taken) {
    const turn = this.#turn;
    this.#isSending = true;
    this.#show();
    try {
      await taken;
      if (turn === this.#turn && this.#text.value.trim() === words.trim()) {
        this.#text.value = "";
        this.#keepDraft();
      }
    } catch (error) {
      if (turn === this.#turn) this.note(error.message);
    } finally {
      if (turn === this.#turn) this.#isSending = false;
      this.#show();
    }
  }

  /** Put the cursor into the field. */
  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** Say something beside the field, or nothing. What is true only while offline goes with `online`. */
  note(words, { whileOffline = false } = {}) {
    if (this.#isGone) return;
    this.#note.textContent = words;
    this.#isNoteOffline = whileOffline;
  }

  /** Say that the conversation was deleted; what is being written goes along into a new one. */
  gone() {
    if (this.#isGone) return;
    const begin = element("a", { href: "/" }, "Begin a new one");
    this.#note.replaceChildren("This conversation was deleted. ", begin);
    this.#isGone = true;
    this.conversation = "";
    if (this.#text.value) this.#keepDraft();
    this.#show();
  }

  /** Take back what was only true without a connection. */
  online() {
    if (this.#isNoteOffline) this.note("");
  }

  /** Propose a model; only the first time, and never over a typed one. */
  propose(model) {
    if (this.#hasProposed) return;
    this.#hasProposed = true;
    if (model && this.#model.value === this.#model.defaultValue) this.#model.value = model;
  }

  /** Propose the model that answered last, unless that was the emulator and a provider has a key by now. */
  proposeLast() {
    const last = localStorage.getItem(MODEL_KEY);
    const isOutdated = last?.startsWith(EMULATOR) && !this.#model.defaultValue.startsWith(EMULATOR);
    this.propose(isOutdated ? null : last);
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

  /** Ask something at once, of `model` if it says which. */
  ask(words, model = "") {
    if (model) this.#model.value = model;
    this.#text.value = words;
    this.#keepDraft();
    this.#submit();
  }

  /** What goes on: `"idle"`, `"running"` or `"waiting"`. */
  get activity() {
    return this.#activity;
  }

  /** Offer Stop instead of Send while a run is `"running"` or `"waiting"` for a decision; else it is `"idle"`. */
  set activity(value) {
    const hadFocus = [this.#stop, this.#instead].includes(document.activeElement);
    this.#activity = value;
    this.#show();
    if (hadFocus && value === "idle") this.#text.focus();
  }

  async #submit({ instead = false } = {}) {
    const text = this.#text.value;
    const model = modelName(this.#model.value);
    const files = this.#attachments.isBusy ? [] : this.#attachments.parts;
    if (this.#isSending || this.#isGone || (isBlank(text) && !files.length)) return;
    if (this.#attachments.isBusy) {
      this.note("Wait until the files have been uploaded.");
      return;
    }
    if (this.#activity === "waiting" && !instead) {
      this.note("Decide first, or choose “Stop it and send”.");
      return;
    }
    if (this.#activity === "running") {
      this.note("Wait for the answer, or stop it first.");
      return;
    }
    if (!model) {
      this.note("Choose a model first.");
      this.#model.focus();
      return;
    }
    this.#model.value = model;
    const turn = this.#turn;
    const draftKey = this.#draftKey;
    if (!(await this.#deliver(text, files, model, { instead }))) return;
    if (turn !== this.#turn) {
      if (sessionStorage.getItem(draftKey) === text) sessionStorage.removeItem(draftKey);
      return;
    }
    this.#attachments.clear();
    if (this.#text.value === text) this.#text.value = "";
    this.#keepDraft();
    this.#show();
  }

  /** Send something at once that is not in the field: what is being written there stays. */
  async resend(text, files) {
    if (this.#isSending || this.#isGone) return;
    if (this.#activity === "idle") await this.#deliver(text, files, modelName(this.#model.value), { instead: false });
    else this.note("Wait for the answer, or stop it first.");
  }

  /** Send, and tell what is wrong if it is not taken. Return whether it was. */
  async #deliver(text, files, model, options) {
    const turn = this.#turn;
    this.#isSending = true;
    this.#show();
    this.note("");
    try {
      await this.#handlers.send(text, files, model, options);
      return true;
    } catch (error) {
      if (turn === this.#turn) this.note(error.message);
      return false;
    } finally {
      if (turn === this.#turn) this.#isSending = false;
      this.#show();
    }
  }

  // Who types has read it, and does something about it. The connection is nothing that one could mend so.
  #forgetNote() {
    if (!this.#isNoteOffline) this.note("");
  }

  #keepDraft() {
    if (this.#text.value) sessionStorage.setItem(this.#draftKey, this.#text.value);
    else sessionStorage.removeItem(this.#draftKey);
  }

  #show() {
    const isIdle = this.#activity === "idle";
    this.#send.hidden = !isIdle;
    this.#stop.hidden = isIdle;
    // The answer itself says that it waits; here it matters to who writes something else.
    const isWriting = !isBlank(this.#text.value) || !this.#attachments.isEmpty;
    this.#waits.hidden = this.#activity !== "waiting" || !isWriting || this.#isGone;
    this.#instead.disabled = this.#isSending;
    this.#send.disabled = this.#isSending || this.#isGone;
    this.#form.setAttribute("aria-busy", String(this.#isSending));
  }
}
