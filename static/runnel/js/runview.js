// One run on the page: what was asked, what came back, what it waits for, how it ended.
//
// Draws from AG-UI events while a run is followed and from stored messages afterwards; both end in
// the same elements. Knows neither the socket nor other runs.

import { Answer, WAITING } from "./answer.js";
import { Approvals } from "./approvals.js";
import { copy } from "./clipboard.js";
import { element } from "./dom.js";
import * as format from "./format.js";
import { fromEvent, mediaElement, toEvent } from "./media.js";

/** Tell the words and the files of an AG-UI user message, whose content is text or a list of parts. */
function partsOf({ content }) {
  if (typeof content === "string") return [content, []];
  const files = content.filter((part) => part.type !== "text");
  return [content.map((part) => part.text ?? "").join(""), files.map(fromEvent)];
}

/** Add up AG-UI `TokenUsage` entries under the names that a stored run has, beside what of it is an estimate. */
function totalOf(entries, estimated) {
  const sum = (name) =>
    entries.reduce((total, entry) => (entry[name] == null ? total : (total ?? 0) + entry[name]), null);
  return {
    input_tokens: sum("inputTokens"),
    cached_input_tokens: sum("cachedInputTokens"),
    output_tokens: sum("outputTokens"),
    reasoning_tokens: sum("reasoningTokens"),
    estimated_input_tokens: estimated.inputTokens,
    estimated_output_tokens: estimated.outputTokens,
  };
}

/** Tell what comes next, and why, in one line: the value of a `retry` event. */
function newsOf({ attempt, of, wait_seconds, message, model }) {
  const why = message.split(/\.(?:\s|$)/, 1)[0];
  if (attempt === 1) return `${why}: asking ${model} instead`;
  const when = wait_seconds < 1 ? "now" : `in ${Math.round(wait_seconds)} s`;
  return `${why}: trying again ${when} (attempt ${attempt} of ${of})`;
}

/** What is said of a run that nobody here hears of. */
const UNHEARD = "Without a connection. What comes meanwhile is shown later.";

/** Stop reasons of answers that lack their end. */
const CUTS = new Set(["max_tokens_exceeded", "max_steps", "max_continuations", "budget_exhausted"]);

/** What takes the place of the decisions for somebody who only looks. */
class OthersDecision {
  element = element("div", { hidden: true });
  words = "Waiting for a decision of the owner";
  until = "";
  announcement = `${this.words}.`;

  close() {
    this.element.remove();
  }
}

export class RunView {
  #answer = new Answer();
  #outcome = element("footer", { class: "outcome" });
  #handlers;
  #asked = [];
  #files = [];
  /** What it waits for, or null. */
  #approvals = null;
  /** What is said to go on, until it is asked to stop. */
  #goesOn = WAITING;
  #isStopping = false;
  #isFollowed = true;

  /**
   * @param {any} run  what is known of it, as it is stored: at least its `id`
   * @param {{afterEnd?: (view: RunView) => Node[], resolve?: (id: string, resume: object[]) => Promise}} handlers
   *   who makes what is offered once it has ended, and who takes the decisions that it waits for; nobody for
   *   somebody who only looks
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
    for (const message of messages) {
      if (message.role === "user") {
        view.#ask(message.text, message.parts.filter((part) => part.kind === "media"));
      }
      else view.#answer.add(message.parts);
    }
    view.finish(run);
    return view;
  }

  /** Whether it waits for a person, or for a program's result. */
  get isWaiting() {
    return this.#approvals !== null;
  }

  /** Draw one event of the run. */
  apply(event) {
    switch (event.type) {
      case "RUN_STARTED":
        this.#begin(event.input ?? {});
        break;
      case "RUN_FINISHED":
        this.#finishWith(event);
        break;
      case "RUN_ERROR":
        this.#endWith(event, { status: "failed", error_code: event.code, error_message: event.message });
        break;
      default: {
        const isRetry = event.type === "CUSTOM" && event.name === "retry";
        const words = isRetry ? newsOf(event.value) : this.#answer.take(event);
        if (words) this.#working(words);
      }
    }
  }

  /** Tell that the run was asked to stop, or that it could not be asked. */
  stopping(wasAsked = true) {
    this.#isStopping = wasAsked;
    this.#show();
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
    this.#outcome.replaceChildren();
    if (this.run.status === "failed") {
      this.#outcome.append(
        element(
          "p",
          { class: "problem" },
          this.run.error_message || "Something went wrong.",
          " ",
          element("code", {}, this.run.error_code || this.run.stop_reason || "error"),
        ),
      );
    }
    this.#outcome.append(element("p", { class: "summary", title: this.run.cost_missing ?? false }, format.summary(this.run)));
    const note = format.leftOut(this.run);
    this.element.classList.toggle("left-out", note !== "");
    if (note) this.#outcome.append(element("p", { class: "note" }, note));
    this.#outcome.append(this.#actions());
  }

  #actions() {
    const words = this.#answer.markdown;
    const copies = element("button", { type: "button", class: "link", title: "Copy the answer as Markdown" }, "Copy");
    copies.addEventListener("click", () => copy(words, copies));
    const offered = [...(words ? [copies] : []), ...(this.#handlers.afterEnd?.(this) ?? [])];
    return element("p", { class: "remedies" }, ...offered, element("span", { class: "pace" }, format.pace(this.run)));
  }

  /** What was asked, in the user's words. */
  get question() {
    return this.#asked.join("\n\n");
  }

  /** The files that were asked about, as AG-UI parts. */
  get files() {
    return this.#files.map(toEvent);
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

  /** How the run ended or what it waits for, in a sentence to be read out. */
  get announcement() {
    if (this.isWaiting) return this.#approvals.announcement;
    return this.run.status === "failed" ? `Failed. ${this.run.error_message}` : format.ending(this.run);
  }

  // The first segment brings what was asked; a later one the decisions, unless it only ends the run.
  #begin({ messages = [], resume = [] }) {
    if (!this.#asked.length) for (const message of messages) this.#ask(...partsOf(message));
    this.#decided();
    this.#goesOn = this.#answer.resume(resume) ?? WAITING;
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
    this.#approvals = resolve
      ? new Approvals({ interrupts, cards, beforehand, resolve: (resume) => resolve(this.run.id, resume) })
      : new OthersDecision();
    this.#outcome.before(this.#approvals.element);
    this.#show();
  }

  // Nothing is waited for any more.
  #decided() {
    this.#approvals?.close();
    this.#approvals = null;
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
    const { words, until } = this.#approvals ?? { words: this.#goesOn, until: [] };
    const isStill = !this.#isFollowed || (this.isWaiting && !this.#isStopping);
    this.element.dataset.status = this.isWaiting ? "awaiting_approval" : "running";
    const known = this.isWaiting || this.#isFollowed ? words : UNHEARD;
    const line = this.#isStopping ? ["Stopping…"] : [known, ...until.flatMap((each) => [" · ", each])];
    this.#outcome.replaceChildren(element("p", { class: isStill ? "working still" : "working" }, ...line));
  }

  #ask(words, files = []) {
    this.#asked.push(words);
    this.#files.push(...files);
    const you = element("span", { class: "visually-hidden" }, "You: ");
    this.element.querySelector("h2").before(element("div", { class: "asked" }, you, ...files.map(mediaElement), words));
  }
}
