// Where the user writes: message, model, Send and Stop. The text is only cleared once it was taken.

import { Attachments } from "./attachments.js";
import { byId, element } from "./dom.js";
import { Drafts } from "./drafts.js";
import { ModelField } from "./modelfield.js";
import { isBlank, sentenceOf } from "./words.js";

/** What is said beside the field while something goes on. */
const BUSY = {
  running: "An answer is being written. Enter puts this into the queue.",
  waiting: "An answer waits for your decision. Enter puts this into the queue.",
};

/** The error of a text that fits into no frame. */
const TOO_LONG = "too_long";

export class Composer {
  #form = byId("composer");
  #text = byId("message");
  #send = byId("send");
  #stop = byId("stop");
  #note = byId("note");
  #busy = byId("busy");
  #branch = byId("branch-note");
  #model;
  #attachments;
  #handlers;
  #isNoteOffline = false;
  #isGone = false;
  #isSending = false;
  /** What becomes of what was written, and sent off, while something was on its way; "" for nothing. */
  #next = "";
  #activity = "idle";
  #drafts;
  /** Counts the conversations that were written to. */
  #turn = 0;
  /** The message after which the next one begins a branch; null for the usual place. */
  #after = null;

  /**
   * @param {{send: Function, steer: Function, canSteer: () => boolean, stop: Function, editLast: () => boolean,
   *   modelChosen: (name: string) => void}} handlers
   *   `send(text, files, model, {whenBusy, after})` and `steer(text, files)` resolve once the message was taken;
   *   `editLast()` lets the user change what was asked last, and tells whether there is anything
   * @param {string} conversation  id of the conversation that is written to, or ""
   */
  constructor(handlers, conversation) {
    this.#handlers = handlers;
    this.#model = new ModelField(handlers.modelChosen);
    this.#drafts = new Drafts(this.#text, conversation);
    this.#attachments = this.#takeFiles();
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit("queue");
    });
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("input", () => {
      this.#drafts.keep();
      this.#forgetNote();
      this.#show();
    });
    byId("send-now").addEventListener("click", () => this.#submit("interrupt"));
    byId("steer").addEventListener("click", () => this.#submit("steer"));
    byId("branch-cancel").addEventListener("click", () => this.branchAfter(null));
    this.#model.element.addEventListener("input", () => this.#forgetNote());
    this.#stop.addEventListener("click", () => this.#handlers.stop());
    this.#show();
  }

  #takeFiles() {
    const { uploadMb, mediaMb } = byId("main").dataset;
    return new Attachments({
      drop: byId("main"),
      field: this.#text,
      megabytes: Number(uploadMb),
      megabytesTogether: Number(mediaMb),
      problem: (words) => this.note(words),
      changed: () => this.#show(),
    });
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowUp" && !this.#text.value && this.#handlers.editLast()) event.preventDefault();
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    if (this.#activity === "idle") this.#submit("queue");
    else if (event.ctrlKey || event.metaKey) this.#submit("interrupt");
    else this.#submit(event.altKey && this.#handlers.canSteer() ? "steer" : "queue");
  }

  /** The id that what is written to has from now on. */
  set conversation(id) {
    this.#drafts.rename(id);
  }

  /** Go on to another conversation, or a new one with "": each has a draft and files of its own. */
  open(id) {
    this.#turn++;
    this.#attachments.open(this.#drafts.id, id);
    this.#drafts.open(id);
    this.#isGone = false;
    this.#isSending = false;
    this.#model.reset();
    this.#leaveBranch();
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
        this.#drafts.keep();
      }
    } catch (error) {
      if (turn === this.#turn) this.note(sentenceOf(error));
    } finally {
      if (turn === this.#turn) this.#isSending = false;
      this.#show();
    }
  }

  /** Put the cursor into the field. */
  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** The field for the model's name. */
  get model() {
    return this.#model;
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
    if (this.#text.value) this.#drafts.keep();
    this.#show();
  }

  /** Take back what was only true without a connection. */
  online() {
    if (this.#isNoteOffline) this.note("");
  }

  /** Let the next message begin a branch after the message `id`, or at the usual place again. */
  branchAfter(id) {
    this.#after = id;
    this.#branch.hidden = id === null;
    this.#text.focus();
  }

  #leaveBranch() {
    this.#after = null;
    this.#branch.hidden = true;
  }

  /** Ask something at once, of `model` if it says which. */
  ask(words, model = "") {
    if (model) this.#model.value = model;
    this.#text.value = words;
    this.#drafts.keep();
    this.#submit("queue");
  }

  /** What goes on: `"idle"`, `"running"` or `"waiting"`. */
  get activity() {
    return this.#activity;
  }

  /** Offer Stop while a run is `"running"` or `"waiting"` for a decision; else it is `"idle"`. */
  set activity(value) {
    const hadFocus = [this.#stop, byId("send-now"), byId("steer")].includes(document.activeElement);
    this.#activity = value;
    this.#show();
    if (hadFocus && value === "idle") this.#text.focus();
  }

  get #isEmpty() {
    return isBlank(this.#text.value) && this.#attachments.isEmpty;
  }

  /** Send what is written: `how` is what becomes of it while an answer is written, `"queue"`, `"interrupt"` or `"steer"`. */
  async #submit(how) {
    if (this.#isGone || this.#isEmpty) return;
    if (this.#isSending) {
      this.#next = how;
      return;
    }
    if (!this.#model.value) {
      this.note("Choose a model first.");
      this.#model.focus();
      return;
    }
    const turn = this.#turn;
    this.#isSending = true;
    this.#next = "";
    this.#show();
    let isDelivered = false;
    try {
      isDelivered = await this.#deliver(how, turn);
    } catch (error) {
      if (turn === this.#turn) this.#tellProblem(error);
    } finally {
      if (turn === this.#turn) this.#isSending = false;
      this.#show();
    }
    if (isDelivered && this.#next && turn === this.#turn) this.#submit(this.#next);
  }

  /** Send what is written; return whether it was taken, and what was written meanwhile may follow. */
  async #deliver(how, turn) {
    const problem = await this.#model.problem();
    if (problem) {
      this.note(problem);
      return false;
    }
    const attached = this.#attachments.files;
    if (attached.isBusy) this.note("This is sent as soon as the files have arrived.");
    // One that failed has said so.
    if (!(await attached.arrived()) || this.#isEmpty || turn !== this.#turn) return false;
    const { id } = this.#drafts;
    const text = this.#text.value;
    const files = this.#attachments.parts;
    const model = this.#model.value;
    const { isTyped } = this.#model;
    this.#model.value = model;
    this.note("");
    if (how === "steer") await this.#handlers.steer(text, files);
    else await this.#handlers.send(text, files, model, this.#options(how));
    this.#attachments.clear(attached);
    if (turn !== this.#turn) {
      this.#drafts.sent(id, text);
      return false;
    }
    // Whoever went on writing keeps that.
    if (this.#text.value.startsWith(text)) this.#text.value = this.#text.value.slice(text.length).trimStart();
    if (how !== "steer") this.#leaveBranch();
    // Of a new one its first run tells.
    if (isTyped && id) this.#handlers.modelChosen(model);
    this.#drafts.keep();
    return true;
  }

  #options(how) {
    return {
      ...(this.#activity !== "idle" && { whenBusy: how }),
      ...(this.#after !== null && { after: this.#after }),
    };
  }

  #tellProblem(error) {
    this.note(sentenceOf(error));
    const text = this.#text.value;
    if (error.code !== TOO_LONG || text.length < 1000) return;
    const attach = element("button", { type: "button", class: "link" }, "Send it as a file");
    attach.addEventListener("click", () => {
      this.#attachments.addText(text, "Message.txt");
      this.#text.value = "";
      this.note("");
      this.#drafts.keep();
      this.#text.focus();
    });
    this.#note.append(" ", attach);
  }

  // Who types has read it, and does something about it. The connection is nothing that one could mend so.
  #forgetNote() {
    if (!this.#isNoteOffline) this.note("");
  }

  #show() {
    const isIdle = this.#activity === "idle";
    const isWriting = !this.#isEmpty && !this.#isGone;
    this.#send.hidden = !isIdle && !isWriting;
    this.#send.firstElementChild.textContent = isIdle ? "Send" : "Queue";
    this.#stop.hidden = isIdle;
    this.#busy.hidden = isIdle || !isWriting;
    byId("busy-words").textContent = BUSY[this.#activity] ?? "";
    byId("send-now").textContent = this.#activity === "waiting" ? "Stop it and send" : "Send now";
    byId("steer").hidden = this.#activity !== "running" || !this.#handlers.canSteer();
    for (const id of ["send-now", "steer"]) byId(id).disabled = this.#isSending;
    this.#send.disabled = this.#isSending || this.#isGone;
    this.#form.setAttribute("aria-busy", String(this.#isSending));
  }
}
