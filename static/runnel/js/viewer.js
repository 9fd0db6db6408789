// One conversation on the page: its runs, each drawn once, whatever the connection does.
//
// The log's seq is what keeps it exact: a seq that was seen is dropped, a gap is asked for again. A
// run that has ended is drawn from what is stored, a live one from its events; what these do not tell,
// such as who decided about a call, is read from what is stored as well.

import { readConversation } from "./api.js";
import { RunView } from "./runview.js";
import { RequestError } from "./socket.js";

/** Characters and milliseconds after which the server is told how far we are. */
const ACK_AFTER = 64 * 1024;
const ACK_EVERY = 1000;

/** The tool whose effect the page shows. */
const NOTING = "write_note";

/** Whether more is stored of what happened than an event tells: how long it took, who decided, what was noted. */
function isToldInPart({ type, input, metadata }) {
  const isDecided = type === "RUN_STARTED" && input?.resume?.length > 0;
  return isDecided || (type === "TOOL_CALL_RESULT" && metadata?.name === NOTING);
}

export class Viewer {
  #socket;
  #list;
  #loaded;
  #loadedOlder;
  #changed;
  #user;
  #handlers;
  #conversation;
  #readStored;
  /** Whether what goes on is heard of. */
  #isOnline = true;
  /** Counts the conversations that were on the page. */
  #turn = 0;
  /** Whose conversation it is, and what its owner allows: `{owner, may_stop}`; null for one's own. */
  shared = null;
  #reading = null;
  /** Ids of runs of which more is stored than the page knows. */
  #stale = new Set();
  /** The place from which older runs are read; null if there are none, undefined before the first page. */
  #before;
  #isLoadingOlder = false;
  /** Runs on the page by id: {view, seq, acked, unacked, isAsking, isStored, isOlder}; `isOlder` after a reading. */
  #runs = new Map();
  /** Models of the runs that this page asked for, until they appear. */
  #models = new Map();

  /**
   * @param {{socket: object, list: HTMLElement, conversation: string, user: string, read?: Function,
   *   loaded: Function, loadedOlder: Function, changed: Function, handlers: object}} options
   *   `user` is the name of who looks; `read` reads what is stored, as `readConversation` does; `loaded(stored)` is called with a conversation and those of its runs that
   *   were read; `loadedOlder(stored, draw)` with older ones, which `draw` puts on the page;
   *   `changed(view, what)` when a run appears or goes on (`"started"`), `"waits"` or has `"ended"`;
   *   `handlers` is what a `RunView` takes
   */
  constructor({ socket, list, conversation, user, read = readConversation, loaded, loadedOlder, changed, handlers }) {
    this.#readStored = read;
    this.#socket = socket;
    this.#list = list;
    this.#conversation = conversation;
    this.#user = user;
    this.#loaded = loaded;
    this.#loadedOlder = loadedOlder;
    this.#changed = changed;
    this.#handlers = handlers;
    setInterval(() => this.#ackAll(), ACK_EVERY);
  }

  get conversation() {
    return this.#conversation;
  }

  /** A number that is another one once another conversation is on the page. */
  get turn() {
    return this.#turn;
  }

  /** The run that goes on, or undefined. */
  get liveRun() {
    for (const { view } of this.#runs.values()) if (!view.isFinished) return view;
    return undefined;
  }

  /** What was asked last, in the user's words; "" if nothing was. */
  get lastQuestion() {
    // By its place on the page: older runs are read later.
    const last = [...this.#runs.values()].find(({ view }) => view.element === this.#list.lastElementChild);
    return last?.view.question ?? "";
  }

  /** Tell whether there is a connection: without one, nobody knows what goes on. */
  set isOnline(isOnline) {
    this.#isOnline = isOnline;
    for (const { view } of this.#runs.values()) view.isFollowed = isOnline;
  }

  get isEmpty() {
    return this.#runs.size === 0;
  }

  /**
   * Show another conversation, or none with "": the page is empty until it was read. What comes late of the one
   * before is dropped.
   */
  switchTo(conversation) {
    if (this.#conversation) this.#leave(this.#conversation);
    this.#conversation = conversation;
    this.#turn++;
    this.#before = undefined;
    this.#isLoadingOlder = false;
    this.shared = null;
    this.#stale.clear();
    this.#reading = null;
    this.#runs.clear();
    this.#list.replaceChildren();
  }

  // Without an answer nothing is followed any more either.
  #leave(conversation) {
    const followed = [...this.#runs].filter(([, { view }]) => !view.isFinished).map(([run_id]) => ({ run_id }));
    for (const target of [{ conversation_id: conversation }, ...followed]) {
      this.#socket.request({ type: "unsubscribe", ...target }).catch(() => {});
    }
  }

  /** Draw the newest runs as they are stored. Those on the page stay as they are, unless they ended unseen. */
  async load() {
    if (!this.#conversation) return;
    const wasLoaded = this.#before !== undefined;
    const known = new Set(this.#runs.keys());
    const stored = await this.#read();
    let oldest = stored;
    // More runs than one page may have ended while nobody listened.
    while (wasLoaded && oldest.before && !oldest.runs.some(({ id }) => known.has(id))) {
      oldest = await this.#read({ before: oldest.before });
      stored.runs.unshift(...oldest.runs);
      stored.messages.unshift(...oldest.messages);
      stored.notes.unshift(...oldest.notes);
    }
    if (!wasLoaded) this.#before = stored.before ?? null;
    const order = this.#placeAll(stored);
    const shown = [...this.#list.children].filter((child) => order.includes(child));
    if (order.some((child, index) => child !== shown[index])) {
      const older = [...this.#runs.values()].filter(({ isOlder, view }) => isOlder && !order.includes(view.element));
      const last = [...this.#list.children].findLast((child) => older.some(({ view }) => view.element === child));
      if (last) last.after(...order);
      else this.#list.prepend(...order);
    }
    for (const { id } of stored.runs) this.#runs.get(id).isOlder = true;
    this.#loaded(stored);
  }

  /** Draw the runs before the oldest one on the page, above it. Return whether there were any. */
  async loadOlder() {
    if (!this.#before || this.#isLoadingOlder) return false;
    this.#isLoadingOlder = true;
    try {
      const stored = await this.#read({ before: this.#before });
      const order = this.#placeAll(stored);
      for (const { id } of stored.runs) this.#runs.get(id).isOlder = true;
      this.#before = stored.before;
      this.#loadedOlder(stored, () => this.#list.prepend(...order));
      return true;
    } finally {
      this.#isLoadingOlder = false;
    }
  }

  #placeAll({ runs, messages }) {
    return runs.map((run) => this.#place(run, messages.filter(({ run_id: id }) => id === run.id)).element);
  }

  /** Follow, after each (re)connection: live runs from where they stopped, and every later one. */
  async follow() {
    const live = [...this.#runs].filter(([, { view }]) => !view.isFinished).map(([id]) => id);
    await Promise.allSettled(live.map((id) => this.#subscribe(id)));
    if (!this.#conversation) return;
    await this.#followConversation();
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
    if (isNew) await this.#followConversation();
  }

  // What is told of who shares it is known before the first event.
  async #followConversation() {
    const turn = this.#turn;
    const frame = { type: "subscribe", conversation_id: this.#conversation, presence: true };
    const { shared = null } = await this.#socket.request(frame);
    if (turn === this.#turn) this.shared = shared;
  }

  /** Take an `event` frame. */
  receive({ run_id: runId, seq, event }, characters) {
    if (!this.#isOurs(runId, seq, event)) return;
    const known = this.#runs.get(runId) ?? this.#adopt({ id: runId });
    if (seq <= known.seq || known.isStored) return;
    if (seq > known.seq + 1) {
      if (!known.isAsking) this.#subscribe(runId).catch(() => {});
      return;
    }
    known.seq = seq;
    known.view.apply(this.#named(event));
    known.unacked += characters;
    if (known.unacked > ACK_AFTER) this.#ack(runId, known);
    if (event.type === "RUN_STARTED") this.#changed(known.view, "started");
    if (event.type === "RUN_FINISHED" && known.view.isWaiting) this.#changed(known.view, "waits");
    if (known.view.isFinished) {
      this.#ack(runId, known);
      this.#changed(known.view, "ended");
    }
    if (known.view.isFinished || isToldInPart(event)) this.#readAgain(runId);
  }

  /** Return an event in which whoever looks is "you". */
  #named(event) {
    const { cancelled_by_name: name } = event.metadata ?? {};
    return name && name === this.#user ? { ...event, metadata: { ...event.metadata, cancelled_by_name: "you" } } : event;
  }

  // Until the server has heard that a conversation was left, it still sends what happens there.
  #isOurs(runId, seq, { threadId }) {
    if (this.#runs.has(runId) || this.#models.has(runId)) return true;
    return seq === 1 && threadId === this.#conversation;
  }

  /** Bring a run up to date that went on unseen, or of which the server knows more than we do. */
  async catchUp(runId) {
    await Promise.allSettled([this.#subscribe(runId), this.#readAgain(runId)]);
  }

  async #read(wanted = {}) {
    const turn = this.#turn;
    const stored = await this.#readStored(this.#conversation, wanted).catch((error) => {
      throw turn === this.#turn ? error : new RequestError("left", "Another conversation is on the page now.", false);
    });
    if (turn !== this.#turn) throw new RequestError("left", "Another conversation is on the page now.", false);
    this.shared = stored.shared ?? null;
    const name = (by) => (by === this.#user ? "you" : by);
    for (const run of stored.runs) {
      // Of earlier versions nothing else is stored than that it was the owner.
      const who = run.cancelled_by_name || (run.cancelled_by === "user" && stored.shared?.owner);
      run.cancelled_by_name = name(who || "");
      run.tool_calls = run.tool_calls?.map((call) => ({ ...call, decided_by: name(call.decided_by) }));
    }
    return stored;
  }

  // Once more if that is asked for meanwhile; however many ask, they wait for the same.
  async #readAgain(runId) {
    this.#stale.add(runId);
    this.#reading ??= this.#readWhileStale().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  async #readWhileStale() {
    while (this.#stale.size > 0) {
      const runs = [...this.#stale];
      this.#stale.clear();
      const stored = await this.#read({ runs }).catch(() => null);
      for (const run of stored?.runs ?? []) {
        const known = this.#runs.get(run.id);
        if (!known || known.isStored) continue;
        if (!known.view.isFinished) known.view.learn(run);
        else if (run.finished_at && !known.view.run.finished_at) known.view.finish(run);
      }
      if (stored) this.#loaded(stored);
    }
  }

  #adopt(run) {
    const view = new RunView({ model: this.#models.get(run.id), ...run }, this.#handlers);
    const known = { view, seq: 0, acked: 0, unacked: 0, isAsking: false, isStored: false };
    view.isFollowed = this.#isOnline;
    this.#models.delete(run.id);
    this.#runs.set(run.id, known);
    this.#list.append(view.element);
    return known;
  }

  #place(run, messages) {
    const known = this.#runs.get(run.id);
    if (known && (known.view.isFinished || run.finished_at === null)) {
      known.view.run.model ??= run.model;
      if (!known.view.isFinished) known.view.learn(run);
      // `#readAgain` has failed: when a server stops, it ends the run and then answers nobody.
      if (known.view.isFinished && run.finished_at && !known.view.run.finished_at) known.view.finish(run);
      return known.view;
    }
    if (run.finished_at === null) {
      const { view } = this.#adopt(run);
      view.learn(run);
      return view;
    }
    const view = RunView.stored(run, messages, this.#handlers);
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
