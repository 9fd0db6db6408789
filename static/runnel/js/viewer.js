// One conversation on the page: its runs, each drawn once, whatever the connection does.
//
// The log's seq is what keeps it exact: a seq that was seen is dropped, a gap is asked for again. A
// run that has ended is drawn from what is stored, a live one from its events.

import { readConversation } from "./api.js";
import { RunView } from "./runview.js";

/** Characters and milliseconds after which the server is told how far we are. */
const ACK_AFTER = 64 * 1024;
const ACK_EVERY = 1000;

export class Viewer {
  #socket;
  #list;
  #loaded;
  #changed;
  #afterFailure;
  #conversation;
  /** Runs on the page by id: {view, seq, acked, unacked, isAsking, isStored}. */
  #runs = new Map();
  /** Models of the runs that this page asked for, until they appear. */
  #models = new Map();

  /**
   * @param {{socket: object, list: HTMLElement, conversation: string, loaded: Function, changed: Function,
   *   afterFailure: Function}} options
   *   `loaded(stored)` is called with a conversation as it is stored, `changed(view, what)` when a run
   *   appears (`"started"`) or ends (`"ended"`); `afterFailure(view)` makes what is offered under a failed one
   */
  constructor({ socket, list, conversation, loaded, changed, afterFailure }) {
    this.#socket = socket;
    this.#list = list;
    this.#conversation = conversation;
    this.#loaded = loaded;
    this.#changed = changed;
    this.#afterFailure = afterFailure;
    setInterval(() => this.#ackAll(), ACK_EVERY);
  }

  get conversation() {
    return this.#conversation;
  }

  /** The run that goes on, or undefined. */
  get liveRun() {
    for (const { view } of this.#runs.values()) if (!view.isFinished) return view;
    return undefined;
  }

  get isEmpty() {
    return this.#runs.size === 0;
  }

  /** Draw what is stored. Runs that are on the page already stay as they are, unless they ended unseen. */
  async load() {
    if (!this.#conversation) return;
    const stored = await readConversation(this.#conversation);
    const order = [];
    for (const run of stored.runs) {
      const messages = stored.messages.filter((message) => message.run_id === run.id);
      order.push(this.#place(run, messages).element);
    }
    const shown = [...this.#list.children].filter((child) => order.includes(child));
    if (order.some((child, index) => child !== shown[index])) this.#list.prepend(...order);
    this.#loaded(stored);
  }

  /** Follow, after each (re)connection: live runs from where they stopped, and every later one. */
  async follow() {
    const live = [...this.#runs].filter(([, { view }]) => !view.isFinished).map(([id]) => id);
    await Promise.allSettled(live.map((id) => this.#subscribe(id)));
    if (!this.#conversation) return;
    await this.#socket.request({ type: "subscribe", conversation_id: this.#conversation });
    // A run that began and ended while nobody listened is not replayed: it is in what is stored.
    await this.load();
  }

  /** Remember the model of a run that this page is about to start: its events do not tell. */
  expect(runId, model) {
    this.#models.set(runId, model);
  }

  /** The server took the run: this is its conversation from now on. */
  async started({ run_id: runId, conversation_id: conversation, state }) {
    const isNew = this.#conversation !== conversation;
    this.#conversation = conversation;
    if (!this.#runs.has(runId)) this.#changed(this.#adopt({ id: runId }).view, "started");
    if (state === "exists") await this.#subscribe(runId);
    if (isNew) await this.#socket.request({ type: "subscribe", conversation_id: conversation });
  }

  /** Take an `event` frame. */
  receive({ run_id: runId, seq, event }, characters) {
    const known = this.#runs.get(runId) ?? this.#adopt({ id: runId });
    if (seq <= known.seq || known.isStored) return;
    if (seq > known.seq + 1) {
      if (!known.isAsking) this.#subscribe(runId).catch(() => {});
      return;
    }
    known.seq = seq;
    known.view.apply(event);
    known.unacked += characters;
    if (known.unacked > ACK_AFTER) this.#ack(runId, known);
    if (event.type === "RUN_STARTED") this.#changed(known.view, "started");
    if (known.view.isFinished) {
      this.#ack(runId, known);
      this.#changed(known.view, "ended");
      this.#completeFrom(known.view);
    }
  }

  // Its events do not tell how long a run took, and which model another tab asked for.
  async #completeFrom(view) {
    const stored = await readConversation(this.#conversation).catch(() => null);
    const run = stored?.runs.find(({ id }) => id === view.run.id);
    if (run?.finished_at && view.isFinished) view.finish(run);
  }

  #adopt(run) {
    const view = new RunView({ model: this.#models.get(run.id), ...run }, this.#afterFailure);
    const known = { view, seq: 0, acked: 0, unacked: 0, isAsking: false, isStored: false };
    this.#models.delete(run.id);
    this.#runs.set(run.id, known);
    this.#list.append(view.element);
    return known;
  }

  #place(run, messages) {
    const known = this.#runs.get(run.id);
    if (known && (known.view.isFinished || run.finished_at === null)) {
      known.view.run.model ??= run.model;
      // `#completeFrom` has failed: when a server stops, it ends the run and then answers nobody.
      if (known.view.isFinished && run.finished_at && !known.view.run.finished_at) known.view.finish(run);
      return known.view;
    }
    if (run.finished_at === null) return this.#adopt(run).view;
    const view = RunView.stored(run, messages, this.#afterFailure);
    known?.view.element.replaceWith(view.element);
    this.#runs.set(run.id, { view, seq: run.last_seq, acked: run.last_seq, unacked: 0, isStored: true });
    if (known) this.#changed(view, "ended");
    return view;
  }

  async #subscribe(runId) {
    const known = this.#runs.get(runId);
    known.isAsking = true;
    try {
      await this.#socket.request({ type: "subscribe", run_id: runId, after: known.seq });
    } finally {
      known.isAsking = false;
    }
  }

  #ack(runId, known) {
    if (known.acked >= known.seq) return;
    known.acked = known.seq;
    known.unacked = 0;
    this.#socket.tell({ type: "ack", run_id: runId, seq: known.seq });
  }

  #ackAll() {
    for (const [runId, known] of this.#runs) this.#ack(runId, known);
  }
}
