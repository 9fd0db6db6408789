// One run on the page: what was asked, what came back, what it waits for, how it ended.
//
// Draws from AG-UI events while a run is followed and from stored messages afterwards; both end in
// the same elements. Knows neither the socket nor other runs.

import { Answer } from "./answer.js";
import { answerActions } from "./answeractions.js";
import { Asked } from "./asked.js";
import { element } from "./dom.js";
import * as format from "./format.js";
import { outcomeLines } from "./outcome.js";
import { newsOf, partsOf, totalOf } from "./runevents.js";
import { Waiting } from "./waiting.js";

/** What is said of a run that nobody here hears of. */
const UNHEARD = "Without a connection. What comes meanwhile is shown later.";

/** What is said of a run until its first step begins: a worker may have to take it first. */
const QUEUED = "Waiting for its turn…";
const STOPPING = "Stopping…";

/** Stop reasons of answers that lack their end. */
const CUTS = new Set(["max_tokens_exceeded", "max_steps", "max_continuations", "budget_exhausted"]);

export class RunView {
  #answer = new Answer();
  #outcome = element("footer", { class: "outcome" });
  #handlers;
  /** What was asked, each an `Asked`: at the beginning, and while it went on. */
  #asked = [];
  #forks = { question: null, answer: null };
  /** Id of the message behind which what comes next is said; "" while that is not known. */
  lastMessage = "";
  /** The button that copies the answer, once it was drawn; see `answerActions`. @type {HTMLElement?} */
  copies = null;
  /** What it waits for, or null. */
  #waiting = null;
  /** What is said to go on, until it is asked to stop. */
  #goesOn = QUEUED;
  #isStopping = false;
  #remedies = element("div", { class: "remedies" });
  #isFollowed = true;
  #heldUp = "";

  /**
   * @param {any} run  what is known of it, as it is stored: at least its `id`
   * @param {any} handlers  `resolve(id, resume)` takes the decisions that it waits for, null for
   *   somebody who only looks; `versions` are those of `Asked`
   *   and `answerActions`
   */
  constructor(run, handlers) {
    this.run = run;
    this.#handlers = handlers;
    this.isFinished = false;
    // Who goes from heading to heading comes from answer to answer.
    const title = element("h2", { class: "visually-hidden" }, "Answer");
    this.element = element("article", { class: "run", "data-run": run.id }, title, this.#answer.element, this.#outcome);
    this.#show();
  }

  /** Draw a run that has ended from what is stored of it. */
  static stored(run, messages, handlers) {
    const view = new RunView(run, handlers);
    view.#answer.learn(run.tool_calls ?? [], { isFinal: true });
    let hasBegun = false;
    for (const { role, text, parts } of messages) {
      hasBegun ||= role !== "user";
      if (role === "user") view.#ask(text, parts.filter((part) => part.kind === "media"), { isSteer: hasBegun });
      else view.#answer.add(parts);
    }
    view.identify(messages);
    view.finish(run);
    view.#answer.citeIn(messages);
    return view;
  }

  /** Whether it waits for a person, or for a program's result. */
  get isWaiting() {
    return this.#waiting !== null;
  }

  /** Draw one event of the run; its `seq` tells whether that is past. */
  apply(event, seq) {
    this.heldUp();
    switch (event.type) {
      case "RUN_STARTED":
        this.#begin(event.input ?? {}, event.metadata ?? {});
        break;
      case "RUN_FINISHED":
        this.#finishWith(event);
        break;
      case "RUN_ERROR":
        this.#endWith(event, { status: "failed", error_code: event.code, error_message: event.message });
        break;
      default: {
        const custom = event.type === "CUSTOM" ? event.name : "";
        if (custom === "steer") this.#steer(event.value);
        const words = custom === "retry" ? newsOf(event.value) : this.#answer.take(event, { isPast: seq <= (this.run.last_seq ?? 0) });
        if (words) this.#working(words);
      }
    }
  }

  /** Tell that the run was asked to stop, or that it could not be asked. */
  stopping(wasAsked = true) {
    this.#isStopping = wasAsked;
    this.#show();
  }

  /** Whether something was told that holds it up. */
  get isHeldUp() {
    return this.#heldUp !== "";
  }

  /** Tell why nothing more comes for now; without a reason it goes on. Return whether that is new. */
  heldUp(why = "") {
    if ((why || "") === this.#heldUp) return false;
    this.#heldUp = why || "";
    this.#show();
    return !this.isFinished;
  }

  /** Tell whether the run is heard of as it goes on. */
  set isFollowed(isFollowed) {
    if (isFollowed === this.#isFollowed) return;
    this.#isFollowed = isFollowed;
    this.#show();
  }

  /** Take what is stored of a run that goes on: who decided about its calls. */
  learn({ tool_calls: calls = [] }) {
    this.#answer.learn(calls, { isFinal: false });
  }

  /** Show how the run ended: a stored run, or one whose last event came. */
  finish(run) {
    this.run = { ...this.run, ...run };
    this.isFinished = true;
    this.#decided();
    this.#answer.end(this.run.status);
    if (run.tool_calls) this.#answer.learn(run.tool_calls, { isFinal: true });
    this.element.dataset.status = this.run.status;
    this.element.classList.toggle("left-out", Boolean(this.run.left_out_of));
    this.element.classList.toggle("cut", Boolean(this.run.until));
    this.#remedies = element("div", { class: "remedies" });
    this.#outcome.replaceChildren(...outcomeLines(this.run), this.#remedies);
    this.#drawActions();
  }

  #drawActions() {
    if (!this.isFinished) return;
    const pace = element("span", { class: "pace" }, format.pace(this.run));
    this.#remedies.replaceChildren(...answerActions(this, this.#handlers.versions ?? {}), pace);
  }

  /** Take the stored messages of the run: their ids, and where each stands. */
  identify(messages) {
    const asked = messages.filter(({ role }) => role === "user");
    for (const [index, message] of asked.entries()) this.#asked[index]?.know(message);
    this.lastMessage = messages.at(-1)?.id ?? this.lastMessage;
    if (this.isFinished) this.#answer.citeIn(messages);
    this.#drawActions();
  }

  /** Show which versions of its question and of its answer there are: forks of the protocol, or null. */
  set forks(forks) {
    if (JSON.stringify(forks) === JSON.stringify(this.#forks)) return;
    this.#forks = forks;
    if (this.#asked.length) this.#asked[0].fork = forks.question;
    this.#drawActions();
  }

  /** The versions of the answer, or null. */
  get fork() {
    return this.#forks.answer;
  }

  /** The answer's words, as Markdown. */
  get words() {
    return this.#answer.markdown;
  }

  /** What was asked first in it, an `Asked`; undefined for a run that answers what another has asked. */
  get question() {
    return this.run.begins === "continue" ? undefined : this.#asked[0];
  }

  /** Id of the message that it answers, or goes on after; "" while that is not known. */
  get answered() {
    if (["again", "continue"].includes(this.run.begins)) return this.run.parent_id ?? "";
    return this.#asked.findLast(({ isSteer }) => !isSteer)?.id ?? "";
  }

  /** Return what was asked with this id, an `Asked`, or undefined. */
  askedWith(id) {
    return this.#asked.find((asked) => asked.id === id);
  }

  /** Return whether it has the message with this id, as far as that is known. */
  has(id) {
    return this.lastMessage === id || Boolean(this.askedWith(id));
  }

  /** Whether more of the answer may come if one asks for it: it was cut, or stopped. */
  get isCut() {
    const { status, stop_reason: reason } = this.run;
    if (status === "cancelled") return !this.isStoppedInSilence;
    return CUTS.has(reason) || (status === "failed" && this.#answer.markdown !== "");
  }

  /** Whether it was stopped before anything of an answer had come. */
  get isStoppedInSilence() {
    return this.run.status === "cancelled" && !this.element.querySelector(".answer > *");
  }

  /** What holds the run up, how it ended or what it waits for, in a sentence to be read out. */
  get announcement() {
    // Whatever holds it up, it does not go on any more.
    if (!this.isFinished && this.#isStopping) return STOPPING;
    if (!this.isFinished && !this.isWaiting) return this.#heldUp || "Answering.";
    if (this.isWaiting) return this.#waiting.announcement;
    return this.run.status === "failed" ? `Failed. ${this.run.error_message}` : format.ending(this.run);
  }

  // The first segment brings what was asked; a later one the decisions, unless it only ends the run.
  #begin({ messages = [], resume = [] }, { begins, parent_id: parent, message_ids: ids = [] }) {
    if (begins !== undefined) this.run = { ...this.run, begins };
    if (parent !== undefined) this.run.parent_id = parent;
    if (!this.#asked.length) {
      for (const message of messages) this.#ask(...partsOf(message));
      for (const [index, id] of ids.entries()) this.#asked[index]?.know({ id, parent_id: index ? ids[index - 1] : parent });
    }
    this.#decided();
    this.#goesOn = this.#answer.resume(resume) ?? QUEUED;
    this.#show();
  }

  #finishWith(event) {
    const { type: outcome = "success", interrupts = [] } = event.outcome ?? {};
    if (outcome === "interrupt") this.#wait(interrupts);
    else this.#endWith(event, { status: outcome === "cancelled" ? "cancelled" : "completed" });
  }

  #wait(interrupts) {
    const cards = this.#answer.pause(interrupts);
    const { beforehand, resolve } = this.#handlers;
    const take = resolve && ((resume) => resolve(this.run.id, resume));
    this.#waiting = new Waiting({ interrupts, cards, beforehand, resolve: take });
    this.#outcome.before(this.#waiting.element);
    this.#show();
  }

  // Nothing is waited for any more.
  #decided() {
    this.#waiting?.close();
    this.#waiting = null;
  }

  #endWith(event, known) {
    const usage = event.usage ?? [];
    const { run_usage, estimated_usage = {}, ...told } = event.metadata ?? {};
    const { stop_reason, cancelled_by, cancelled_by_name, upstream_closed_ms, cost, cost_is, cost_missing } = told;
    const served = usage[0]?.model && [usage[0].provider, usage[0].model].filter(Boolean).join("/");
    this.finish({
      ...known,
      stop_reason,
      cancelled_by,
      cancelled_by_name,
      upstream_closed_ms,
      served,
      cost,
      cost_is,
      cost_missing,
      // A later segment's own usage is but a part.
      usage: totalOf(run_usage ? [run_usage] : usage, estimated_usage),
    });
  }

  #working(words) {
    if (words === this.#goesOn) return;
    this.#goesOn = words;
    this.#show();
  }

  #show() {
    if (this.isFinished) return;
    const { words, until } = this.#waiting ?? { words: this.#goesOn, until: [] };
    const isStill = !this.#isFollowed || (this.isWaiting && !this.#isStopping);
    this.element.dataset.status = this.isWaiting ? "awaiting_approval" : "running";
    const heard = this.#heldUp || words;
    const known = this.isWaiting || this.#isFollowed ? heard : UNHEARD;
    const line = this.#isStopping ? [STOPPING] : [known, ...until.flatMap((each) => [" · ", each])];
    this.#outcome.replaceChildren(element("p", { class: isStill ? "working still" : "working" }, ...line));
  }

  // The model was told something between two steps.
  #steer({ messages = [], message_ids: ids = [] }) {
    for (const [index, message] of messages.entries()) {
      this.#ask(...partsOf(message), { isSteer: true });
      this.#asked.at(-1).know({ id: ids[index] ?? "" });
    }
  }

  #ask(words, files = [], { isSteer = false } = {}) {
    const asked = new Asked({ words, files, isSteer }, this.#handlers.versions ?? {});
    this.#asked.push(asked);
    if (isSteer) this.#answer.interject(asked.elements);
    else if (this.run.begins !== "continue") this.element.querySelector("h2").before(...asked.elements);
    else this.element.querySelector("h2").before(element("p", { class: "continued" }, "Asked to go on"));
  }
}
