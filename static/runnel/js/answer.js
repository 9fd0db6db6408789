// What came back in one run, in order: words, reasoning, tool calls, whatever else a provider sends.
//
// Draws from AG-UI events while a run is followed and from stored parts afterwards; both end in the
// same elements.

import { element } from "./dom.js";
import { MarkdownStream } from "./markdown/stream.js";
import { fileElement } from "./media.js";
import { Reasoning } from "./reasoning.js";
import { citationsIn, isCited, Sources } from "./sources.js";
import { ToolCard } from "./toolcards.js";
import { itemTitle, LEFT_CALLS } from "./vocabulary.js";

const WAITING = "Waiting for the model…";

/** Items of which nothing is left to show beside their file. */
const MEDIA_ITEMS = new Set(["inlineData", "inline_data", "image", "image_url", "audio"]);

/** Return what a decision of AG-UI's `resume` is called where it is stored. */
function decisionOf({ status, payload }) {
  const { approved, editedArgs, reason, result } = payload ?? {};
  if (status === "cancelled" || approved === false) return { decision: "denied", reason };
  if (result !== undefined) return { decision: "result" };
  if (editedArgs == null) return { decision: "approved" };
  return { decision: "edited", edited_arguments: JSON.stringify(editedArgs) };
}

export class Answer {
  element = element("div", { class: "answer" });
  #sources = new Sources();
  /** The words that are being written, and what they are: {kind, id, stream}; null if the last is something else. */
  #writing = null;
  /** The answer's words so far, as Markdown. */
  #said = [];
  /** Cards in the order of their calls; an id may come again in a later step. */
  #cards = [];
  /** What is stored of the calls, by id in the order of their steps. */
  #stored = new Map();
  #isFinal = false;
  /** The `Reasoning` that is being written, or null: open until the answer begins. */
  #thinking = null;

  /**
   * Draw an event. Return in words what goes on from then on, or undefined if that is as before.
   * @param {any} event
   * @param {{isPast?: boolean}} told  `isPast`: it happened before the page was opened, nobody knows when
   */
  take(event, { isPast = false } = {}) {
    switch (event.type) {
      case "STEP_STARTED":
        this.#written();
        return WAITING;
      case "TEXT_MESSAGE_CONTENT":
        this.#text().append(event.delta);
        return "Answering…";
      case "REASONING_MESSAGE_CONTENT":
        this.#reasoning(event.messageId, { isTimed: !isPast }).append(event.delta);
        return "Waiting for the answer…";
      case "REASONING_MESSAGE_END":
        this.#took(event.metadata?.seconds);
        return undefined;
      case "TOOL_CALL_START":
        this.#addCard(event.toolCallId, event.toolCallName);
        return `Asking for ${event.toolCallName}…`;
      case "TOOL_CALL_ARGS":
        this.#newest(event.toolCallId)?.append(event.delta);
        return undefined;
      case "TOOL_CALL_END":
        this.#newest(event.toolCallId)?.endArguments();
        return undefined;
      case "STEP_FINISHED":
        return this.#run(this.#cards.filter(({ status }) => status === "asked"));
      case "TOOL_CALL_RESULT":
        this.#addResult(event.toolCallId, event.content, { ...event.metadata, key: event.messageId });
        return this.#running();
      case "CUSTOM":
        if (event.name === "provider_item") this.#addItem(event.value);
        if (event.name === "tool_progress") this.#newest(event.value.toolCallId)?.progressed(event.value);
    }
    return undefined;
  }

  /** Draw the parts of a stored message. */
  add(parts) {
    this.#written();
    for (const part of parts) this.#addPart(part);
  }

  /** The run waits. Return the cards of the calls that AG-UI's interrupts are about, by the interrupts' ids. */
  pause(interrupts) {
    this.#thought();
    const waiting = new Map();
    for (const { id, toolCallId, metadata = {} } of interrupts) {
      const open = this.#cards.filter((card) => card.id === toolCallId && card.isOpen && !card.key);
      const card =
        open.find((each) => each.arguments === metadata.arguments) ??
        open[0] ??
        this.#addCard(toolCallId, metadata.name ?? "tool");
      // Some servers give every call the same id; the answer to this one will bear this key.
      card.key = id;
      // A long one is left out: it is what was streamed.
      if (metadata.arguments !== undefined) card.arguments = metadata.arguments;
      waiting.set(id, card);
    }
    for (const card of this.#cards) if (card.isOpen && !waiting.has(card.key)) card.status = "held";
    return waiting;
  }

  /** The run goes on: with decisions, AG-UI's `resume`, or without any, to end. */
  resume(decisions) {
    for (const each of decisions) {
      const card = this.#cards.find(({ key }) => key === each.interruptId);
      if (!card?.isOpen) continue;
      const made = decisionOf(each);
      card.decided(made);
      card.status = made.decision === "denied" ? "denied" : "running";
    }
    return decisions.length ? this.#run(this.#cards.filter(({ status }) => status === "held")) : undefined;
  }

  /** Take what is stored of the calls: who decided, and once the run has ended what became of each. */
  learn(calls, { isFinal }) {
    const now = performance.now();
    for (const call of calls) if (call.running_seconds != null) call.since = now - call.running_seconds * 1000;
    this.#stored = Map.groupBy(calls, ({ call_id: id }) => id);
    this.#isFinal = isFinal;
    for (const card of this.#cards) this.#know(card);
  }

  /** The run has ended: nothing goes on any more. */
  end(status) {
    this.#written();
    this.#thought();
    for (const card of this.#cards.filter(({ isOpen }) => isOpen)) {
      card.status = card.status === "asking" ? "incomplete" : LEFT_CALLS[status];
      card.paint();
    }
  }

  #text() {
    // A provider may write one text in many parts.
    return this.#stream("text", "", () => {
      this.#thought();
      const holder = element("div", { class: "text" });
      this.#put(holder);
      return holder;
    });
  }

  #reasoning(id, { isTimed = false } = {}) {
    return this.#stream("reasoning", id, () => {
      this.#thought();
      this.#thinking = new Reasoning({ isTimed });
      this.#put(this.#thinking.element);
      return this.#thinking.words;
    });
  }

  #thought() {
    this.#thinking?.end();
    this.#thinking = null;
  }

  // How long it was thought, which is told once that is over.
  #took(seconds) {
    if (this.#thinking && seconds != null) this.#thinking.seconds = seconds;
  }

  #stream(kind, id, makeHolder) {
    if (this.#writing?.kind !== kind || this.#writing.id !== id) {
      const stream = new MarkdownStream(makeHolder());
      if (kind === "text") this.#said.push(stream);
      this.#writing = { kind, id, stream };
    }
    return this.#writing.stream;
  }

  // What was written is whole.
  #written() {
    this.#writing?.stream.end();
    this.#writing = null;
  }

  // What is cited stays at the end.
  #put(...nodes) {
    this.#written();
    if (this.#sources.element.parentNode) this.#sources.element.before(...nodes);
    else this.element.append(...nodes);
  }

  /** Put what a person has said meanwhile where the answer is now. */
  interject(nodes) {
    this.#thought();
    this.#put(...nodes);
  }

  #cite(citations) {
    for (const citation of citations) this.#sources.add(citation);
    if (this.#sources.element.hasChildNodes()) this.element.append(this.#sources.element);
  }

  /** Put marks for what is cited into the words, as these are stored: only there it is known which words are meant. */
  async citeIn(messages) {
    if (!isCited(messages)) return;
    const { mark, marksIn } = await import("./citing.js");
    mark(this.#said, marksIn(messages), this.#sources);
  }

  /** The answer's words, as Markdown. */
  get markdown() {
    return this.#said.map(({ source }) => source.trim()).filter(Boolean).join("\n\n");
  }

  #newest(id) {
    return this.#cards.findLast((card) => card.id === id);
  }

  #addCard(id, name) {
    this.#thought();
    const card = new ToolCard(id, name);
    this.#cards.push(card);
    this.#put(card.element);
    this.#know(card);
    return card;
  }

  #know(card) {
    const nth = this.#cards.filter(({ id }) => id === card.id).indexOf(card);
    const stored = this.#stored.get(card.id)?.[nth];
    if (!stored) return;
    if (this.#isFinal) card.status = stored.status;
    if (stored.decision) card.decided(stored);
    if (stored.since !== undefined) card.since = stored.since;
    if (this.#isFinal || stored.seconds != null) card.seconds = stored.seconds;
  }

  #addResult(id, content, { key = undefined, status = undefined, is_error: isError = false, files = [] } = {}) {
    const card =
      this.#cards.find((each) => key && each.key === key) ??
      this.#cards.find((each) => each.id === id && !each.key && !each.hasResult);
    if (!card) return;
    const known = status ?? (card.isOpen ? null : card.status);
    card.addResult(content, known ?? (isError ? "failed" : "succeeded"), files);
  }

  #run(cards) {
    for (const card of cards) card.status = "running";
    return this.#running();
  }

  #running() {
    const names = this.#cards.filter(({ status }) => status === "running").map(({ name }) => name);
    if (!names.length) return undefined;
    return names.length > 3 ? `Running ${names.length} tools…` : `Running ${names.join(", ")}…`;
  }

  #addItem({ kind, data, files = [] }) {
    const citations = citationsIn(kind, data);
    this.#cite(citations);
    if (citations.length) return;
    if (files.length) this.#put(...files.map(fileElement));
    // The file is all that such an item is.
    if (files.length && MEDIA_ITEMS.has(kind)) return;
    this.#put(
      element(
        "details",
        { class: "card" },
        element("summary", {}, itemTitle(kind, data)),
        element("div", { class: "code" }, JSON.stringify(data, null, 2)),
      ),
    );
  }

  #addPart(part) {
    switch (part.kind) {
      case "text":
        if (part.text) this.#text().append(part.text);
        this.#cite(part.annotations ?? []);
        break;
      case "reasoning":
        // Each part is a piece of its own.
        if (part.text) {
          this.#reasoning(part).append(part.text);
          this.#took(part.seconds);
        }
        break;
      case "tool_call": {
        const card = this.#addCard(part.id, part.name);
        card.append(part.arguments);
        card.endArguments();
        break;
      }
      case "tool_result":
        this.#addResult(part.call_id, part.content, part);
        break;
      case "provider_item":
        this.#addItem({ kind: part.item ?? part.type ?? "item", data: part.data, files: part.files });
        break;
    }
  }
}
