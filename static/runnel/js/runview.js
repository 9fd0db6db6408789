// One run on the page: what was asked, what came back, how it ended.
//
// Draws from AG-UI events while a run is followed and from stored messages afterwards; both end in
// the same elements. Knows neither the socket nor other runs.

import { element } from "./dom.js";
import * as format from "./format.js";
import { fromEvent, mediaElement } from "./media.js";
import { TextStream } from "./text.js";

/** Tell the words and the files of an AG-UI user message, whose content is text or a list of parts. */
function partsOf({ content }) {
  if (typeof content === "string") return [content, []];
  const files = content.filter((part) => part.type !== "text");
  return [content.map((part) => part.text ?? "").join(""), files.map(fromEvent)];
}

/** Add up AG-UI `TokenUsage` entries under the names that a stored run has. */
function totalOf(entries, source) {
  const sum = (name) =>
    entries.reduce((total, entry) => (entry[name] == null ? total : (total ?? 0) + entry[name]), null);
  return {
    input_tokens: sum("inputTokens"),
    cached_input_tokens: sum("cachedInputTokens"),
    output_tokens: sum("outputTokens"),
    reasoning_tokens: sum("reasoningTokens"),
    usage_source: source,
  };
}

/** Tell what comes next, and why, in one line: the value of a `retry` event. */
function newsOf({ attempt, of, wait_seconds, message, model }) {
  const why = message.split(/\.(?:\s|$)/, 1)[0];
  if (attempt === 1) return `${why}: asking ${model} instead`;
  const when = wait_seconds < 1 ? "now" : `in ${Math.round(wait_seconds)} s`;
  return `${why}: trying again ${when} (attempt ${attempt} of ${of})`;
}

const WAITING = "Waiting for the model…";
const STATUS_OF_OUTCOME = { success: "completed", interrupt: "awaiting_approval", cancelled: "cancelled" };

export class RunView {
  #answer = element("div", { class: "answer" });
  #outcome = element("footer", { class: "outcome" });
  #afterFailure;
  #asked = [];
  /** What is said until the first words come. */
  #awaited = WAITING;
  /** Text streams of messages and calls that are being written, by AG-UI id. */
  #streams = new Map();
  #tools = new Map();
  /** The reasoning that is being written, or null: open until the answer begins. */
  #thinking = null;

  /**
   * @param {{id: string, model?: string, started_at?: string}} run  what is known of it
   * @param {(view: RunView) => Node[]} afterFailure  makes what is offered if it fails
   */
  constructor(run, afterFailure) {
    this.run = run;
    this.#afterFailure = afterFailure;
    this.isFinished = false;
    this.element = element("article", { class: "run", "data-run": run.id }, this.#answer, this.#outcome);
    this.#working(this.#awaited);
  }

  /** Draw a run that has ended from what is stored of it. */
  static stored(run, messages, afterFailure) {
    const view = new RunView(run, afterFailure);
    for (const message of messages) {
      if (message.role === "user") {
        view.#ask(message.text, message.parts.filter((part) => part.kind === "media"));
      }
      else for (const part of message.parts) view.#addPart(part);
    }
    view.finish(run);
    return view;
  }

  /** Draw one event of the run. */
  apply(event) {
    switch (event.type) {
      case "RUN_STARTED":
        if (!this.#asked.length) for (const message of event.input?.messages ?? []) this.#ask(...partsOf(message));
        this.isFinished = false;
        this.#working(this.#awaited);
        break;
      case "TEXT_MESSAGE_CONTENT":
        this.#text(event.messageId).append(event.delta);
        break;
      case "REASONING_MESSAGE_CONTENT":
        this.#reasoning(event.messageId).append(event.delta);
        break;
      case "TOOL_CALL_START":
        this.#tool(event.toolCallId, event.toolCallName);
        break;
      case "TOOL_CALL_ARGS":
        this.#tool(event.toolCallId, "tool").append(event.delta);
        break;
      case "TOOL_CALL_RESULT":
        this.#addResult(event.toolCallId, event.content);
        break;
      case "CUSTOM":
        if (event.name === "provider_item") this.#addItem(event.value);
        if (event.name === "retry") this.#working((this.#awaited = newsOf(event.value)));
        break;
      case "RUN_FINISHED":
        this.#finishWith(event, { status: STATUS_OF_OUTCOME[event.outcome?.type ?? "success"] });
        break;
      case "RUN_ERROR":
        this.#finishWith(event, { status: "failed", error_code: event.code, error_message: event.message });
        break;
    }
  }

  /** Tell that the run was asked to stop, or that it could not be asked. */
  stopping(wasAsked = true) {
    if (!this.isFinished) this.#working(wasAsked ? "Stopping…" : "Answering…");
  }

  /** Show how the run ended: a stored run, or one whose last event came. */
  finish(run) {
    // Who reads how it ended finds all of it above.
    for (const stream of this.#streams.values()) stream.paint();
    this.#thought();
    this.run = { ...this.run, ...run };
    this.isFinished = true;
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
    this.#outcome.append(element("p", { class: "summary" }, format.summary(this.run)));
    if (this.run.status === "failed") {
      this.#outcome.append(element("p", { class: "remedies" }, ...this.#afterFailure(this)));
    }
  }

  /** What was asked, in the user's words. */
  get question() {
    return this.#asked.join("\n\n");
  }

  /** How the run ended, in a sentence to be read out. */
  get announcement() {
    return this.run.status === "failed" ? `Failed. ${this.run.error_message}` : format.ending(this.run);
  }

  #finishWith(event, known) {
    const usage = event.usage ?? [];
    const { stop_reason, usage_source, cancelled_by } = event.metadata ?? {};
    const served = usage[0]?.model && [usage[0].provider, usage[0].model].filter(Boolean).join("/");
    this.finish({
      ...known,
      stop_reason,
      cancelled_by,
      served,
      usage: totalOf(usage, usage_source),
    });
  }

  #working(words) {
    this.element.dataset.status = "running";
    if (this.#outcome.textContent === words) return;
    this.#outcome.replaceChildren(element("p", { class: "working" }, words));
  }

  #progress(words) {
    const shown = this.#outcome.textContent;
    // What it says of a Stop stays.
    if (!this.isFinished && (shown === this.#awaited || shown.startsWith("Waiting"))) this.#working(words);
  }

  #ask(words, files = []) {
    this.#asked.push(words);
    const you = element("span", { class: "visually-hidden" }, "You: ");
    this.#answer.before(element("div", { class: "asked" }, you, ...files.map(mediaElement), words));
  }

  #text(id) {
    return this.#stream(id, () => {
      this.#thought();
      const holder = element("div", { class: "text" });
      this.#answer.append(holder);
      return holder;
    });
  }

  #reasoning(id) {
    const makeHolder = () => {
      this.#thought();
      const holder = element("div", { class: "text" });
      const title = element("summary", {}, "Thinking…");
      const block = element("details", { class: "reasoning", open: true }, title, holder);
      const thinking = { block, title, isTouched: false };
      title.addEventListener("click", () => {
        thinking.isTouched = true;
      });
      this.#thinking = thinking;
      this.#answer.append(block);
      return holder;
    };
    return this.#stream(id, makeHolder, "Waiting for the answer…");
  }

  // Folds what was thought, unless the reader has opened or shut it.
  #thought() {
    if (!this.#thinking) return;
    const { block, title, isTouched } = this.#thinking;
    this.#thinking = null;
    title.textContent = "Reasoning";
    if (!isTouched) block.open = false;
  }

  #tool(id, name) {
    return this.#stream(id, () => {
      this.#thought();
      return this.#card(id, name);
    });
  }

  #stream(id, makeHolder, words = "Answering…") {
    this.#progress(words);
    let stream = this.#streams.get(id);
    if (!stream) {
      stream = new TextStream(makeHolder());
      this.#streams.set(id, stream);
    }
    return stream;
  }

  #card(id, name) {
    const holder = element("div", { class: "arguments" });
    const card = element("section", { class: "card", "aria-label": name }, element("h3", {}, name), holder);
    this.#tools.set(id, card);
    this.#answer.append(card);
    return holder;
  }

  #addResult(callId, content) {
    const result = element("div", { class: "result" }, content);
    (this.#tools.get(callId) ?? this.#answer).append(result);
  }

  #addItem({ kind, data }) {
    this.#answer.append(
      element(
        "details",
        { class: "card" },
        element("summary", {}, kind.replaceAll("_", " ")),
        element("div", { class: "arguments" }, JSON.stringify(data, null, 2)),
      ),
    );
  }

  #addPart(part) {
    const key = `part-${this.#streams.size}`;
    switch (part.kind) {
      case "text":
        if (part.text) this.#text(key).append(part.text);
        break;
      case "reasoning":
        if (part.text) this.#reasoning(key).append(part.text);
        break;
      case "tool_call":
        this.#tool(part.id, part.name).append(part.arguments);
        break;
      case "tool_result":
        this.#addResult(part.call_id, part.content);
        break;
      case "provider_item":
        this.#addItem({ kind: part.item ?? part.type ?? "item", data: part.data });
        break;
    }
  }
}
