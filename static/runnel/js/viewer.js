// One conversation on the page: its runs, each drawn once, whatever the connection does.
//
// The log's seq is what keeps it exact: a seq that was seen is dropped, a gap is asked for again. A
// run that has ended is drawn from what is stored, a live one from its events; what these do not tell,
// such as who decided about a call, is read from what is stored as well.

import { Acks } from "./acks.js";
import { readConversation } from "./api.js";
import { branchOf, forksOf } from "./branches.js";
import { Following } from "./following.js";
import { cutAfter, putInOrder, showAgain } from "./placing.js";
import { eventFor, storedFor } from "./reader.js";
import { RereadRuns } from "./rereading.js";
import { isToldInPart } from "./runevents.js";
import { RunView } from "./runview.js";
import { RequestError } from "./socket.js";

export class Viewer {
  #acks;
  #following;
  #list;
  /** Who is told: {loaded, loadedOlder, changed}. */
  #told;
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
  /** Reads runs of which more is stored than the page knows. */
  #again = this.#rereading();
  /** Which branch the page shows, as `branchOf` tells it. */
  #branch = branchOf({});
  #forks = [];
  /** The place from which older runs are read; null if there are none, undefined before the first page. */
  #before;
  #isLoadingOlder = false;
  /**
   * Runs by id: {view, seq, acked, unacked, isAsking, isStored, isOlder}; `isOlder` after a reading. Those of another
   * branch that go on are followed as well, and not on the page.
   */
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
    this.#following = new Following(socket);
    this.#list = list;
    this.#conversation = conversation;
    this.#user = user;
    this.#told = { loaded, loadedOlder, changed };
    this.#handlers = handlers;
    this.#acks = new Acks(socket, this.#runs);
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

  /** What was asked last, an `Asked`, or undefined. */
  get lastAsked() {
    return this.#shown.findLast(({ view }) => view.question)?.view.question;
  }

  /** Return what was asked with this id, an `Asked`, or undefined. */
  askedWith(id) {
    return this.#shown.map(({ view }) => view.askedWith(id)).find(Boolean);
  }

  // In the order of the page: older runs are read later.
  get #shown() {
    const byElement = new Map([...this.#runs.values()].map((known) => [known.view.element, known]));
    return [...this.#list.children].map((child) => byElement.get(child)).filter(Boolean);
  }

  /** Whether there is a connection: without one, nobody knows what goes on. */
  set isOnline(isOnline) {
    this.#isOnline = isOnline;
    for (const { view } of this.#runs.values()) view.isFollowed = isOnline;
  }

  get #live() {
    return [...this.#runs].filter(([, { view }]) => !view.isFinished).map(([id]) => id);
  }

  get isEmpty() {
    return this.#runs.size === 0;
  }

  /**
   * Show another conversation, or none with "": the page is empty until it was read. What comes late of the one
   * before is dropped.
   */
  switchTo(conversation) {
    if (this.#conversation) this.#following.leave(this.#conversation, this.#live);
    this.#conversation = conversation;
    this.#turn++;
    this.#before = undefined;
    this.#isLoadingOlder = false;
    this.shared = null;
    this.#again = this.#rereading();
    this.#branch = branchOf({});
    this.#runs.clear();
    this.#list.replaceChildren();
  }

  /** Draw the newest runs as they are stored. Those on the page stay as they are, unless they ended unseen. */
  async load() {
    if (!this.#conversation) return;
    const wasLoaded = this.#before !== undefined;
    const known = new Set(this.#runs.keys());
    const stored = await this.#read();
    const isOther = this.#branch !== branchOf(stored);
    let oldest = stored;
    // More runs than one page may have ended while nobody listened.
    while (wasLoaded && !isOther && oldest.before && !oldest.runs.some(({ id }) => known.has(id))) {
      oldest = await this.#read({ before: oldest.before });
      for (const kind of ["runs", "messages", "notes"]) stored[kind].unshift(...oldest[kind]);
    }
    if (!wasLoaded || isOther) this.#before = stored.before ?? null;
    if (isOther) this.#leave(known, new Set(stored.runs.map(({ id }) => id)));
    this.#branch = branchOf(stored);
    const order = this.#placeAll(stored);
    const last = this.#shown.findLast(({ isOlder, view }) => isOlder && !order.includes(view.element));
    putInOrder(this.#list, order, last?.view.element);
    this.showAll();
    this.#take(stored);
    this.#told.loaded(stored);
  }

  // Another branch is shown: what is not in it leaves the page.
  #leave(known, staying) {
    for (const [id, { view }] of [...this.#runs]) {
      if (!known.has(id) || staying.has(id)) continue;
      view.element.remove();
      // One that goes on elsewhere is followed all the same: it can be stopped.
      if (view.isFinished) this.#runs.delete(id);
    }
  }

  /** Take what the server tells of a conversation's branches: `{shown, forks}`. Read again if another one is shown. */
  async branchChanged(outline) {
    if (branchOf(outline) !== this.#branch) await this.load();
    else this.#take(outline);
  }

  #take({ forks = [] }) {
    this.#forks = forks;
    for (const { view } of this.#runs.values()) view.forks = forksOf(view.run, this.#forks);
  }

  /** Take from the page what comes after the message `id`: another version of it was asked for. `null` is the beginning. */
  cutAfter(id) {
    cutAfter(this.#shown.map(({ view }) => view), id);
  }

  /** Draw the runs before the oldest one on the page, above it. Return whether there were any. */
  async loadOlder() {
    if (!this.#before || this.#isLoadingOlder) return false;
    this.#isLoadingOlder = true;
    try {
      const stored = await this.#read({ before: this.#before });
      const order = this.#placeAll(stored);
      this.#before = stored.before;
      this.#take(stored);
      this.#told.loadedOlder(stored, () => this.#list.prepend(...order));
      return true;
    } finally {
      this.#isLoadingOlder = false;
    }
  }

  #placeAll({ runs, messages }) {
    return runs.map((run) => {
      const { element } = this.#place(run, messages.filter(({ run_id: id }) => id === run.id));
      this.#runs.get(run.id).isOlder = true;
      return element;
    });
  }

  /** Follow, after each (re)connection: live runs from where they stopped, and every later one. */
  async follow() {
    await Promise.allSettled(this.#live.map((id) => this.#subscribe(id)));
    if (!this.#conversation) return;
    await this.#followConversation();
    // What began and ended while nobody listened is not replayed: it is stored.
    await this.load();
  }

  /** Remember the model of a run that this page is about to start: its events do not tell. */
  expect(runId, model) {
    this.#models.set(runId, model);
  }

  /** The server took the run: this is its conversation from now on. What is queued is shown when it begins. */
  async started({ run_id: runId, conversation_id: conversation, state }) {
    const isNew = this.#conversation !== conversation;
    this.#conversation = conversation;
    if (!this.#runs.has(runId) && state !== "queued") this.#told.changed(this.#adopt({ id: runId }).view, "started");
    if (state === "exists") await this.#subscribe(runId);
    if (isNew) await this.#followConversation();
  }

  // What is told of who shares it is known before the first event.
  async #followConversation() {
    const turn = this.#turn;
    const shared = await this.#following.conversation(this.#conversation);
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
    known.view.apply(eventFor(this.#user, event), seq);
    this.#acks.got(runId, characters);
    if (event.type === "RUN_STARTED") this.#told.changed(known.view, "started");
    if (event.type === "RUN_FINISHED" && known.view.isWaiting) this.#told.changed(known.view, "waits");
    if (known.view.isFinished) {
      this.#acks.tell(runId);
      this.#told.changed(known.view, "ended");
    }
    if (known.view.isFinished || isToldInPart(event)) this.#again.read(runId);
  }

  // Until the server has heard that a conversation was left, it still sends what happens there. And what was removed
  // from the queue only ends: it has no place in the conversation.
  #isOurs(runId, seq, { threadId, metadata }) {
    if (this.#runs.has(runId)) return true;
    if (seq === 1 && metadata?.begins === undefined) this.#models.delete(runId);
    else if (this.#models.has(runId) || (seq === 1 && threadId === this.#conversation)) return true;
    return false;
  }

  /** Show what `cutAfter` has taken from the page. */
  showAll() {
    showAgain(this.#list);
  }

  /** Bring a run up to date that went on unseen, or of which the server knows more than we do. */
  async catchUp(runId) {
    await Promise.allSettled([this.#subscribe(runId), this.#again.read(runId)]);
  }

  async #read(wanted = {}) {
    const turn = this.#turn;
    const left = new RequestError("left", "Another conversation is on the page now.", false);
    const stored = await this.#readStored(this.#conversation, wanted).catch((error) => {
      throw turn === this.#turn ? error : left;
    });
    if (turn !== this.#turn) throw left;
    this.shared = stored.shared ?? null;
    return storedFor(this.#user, stored);
  }

  #rereading() {
    return new RereadRuns((runs) => this.#read({ runs }), (stored) => this.#learn(stored));
  }

  #learn(stored) {
    for (const run of stored.runs) {
      const known = this.#runs.get(run.id);
      if (!known || known.isStored) continue;
      if (!known.view.isFinished) known.view.learn(run);
      else if (run.finished_at && !known.view.run.finished_at) known.view.finish(run);
      known.view.identify(stored.messages.filter(({ run_id: id }) => id === run.id));
    }
    this.#take(stored);
    this.#told.loaded(stored);
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
    // The branch may leave it earlier or later than before.
    const isSame = known && (known.view.run.until ?? null) === (run.until ?? null);
    if (known && (run.finished_at === null || (known.view.isFinished && isSame))) {
      known.view.run.model ??= run.model;
      if (!known.view.isFinished) known.view.learn(run);
      // Reading it again has failed: when a server stops, it ends the run and then answers nobody.
      if (known.view.isFinished && run.finished_at && !known.view.run.finished_at) known.view.finish(run);
      known.view.identify(messages);
      return known.view;
    }
    if (run.finished_at === null) {
      const { view } = this.#adopt(run);
      view.learn(run);
      view.identify(messages);
      return view;
    }
    const view = RunView.stored(run, messages, this.#handlers);
    known?.view.element.replaceWith(view.element);
    this.#runs.set(run.id, { view, seq: run.last_seq, acked: run.last_seq, unacked: 0, isStored: true });
    if (known && !known.view.isFinished) this.#told.changed(view, "ended");
    return view;
  }

  async #subscribe(runId) {
    await this.#following.run(runId, this.#runs.get(runId));
  }
}
