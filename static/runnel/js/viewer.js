// One conversation on the page: it is read and followed, whatever the connection does.
//
// The log's seq is what keeps it exact: a seq that was seen is dropped, a gap is asked for again. A
// run that has ended is drawn from what is stored, a live one from its events; what these do not tell,
// such as who decided about a call, is read from what is stored as well.

import { Acks } from "./acks.js";
import { readConversation } from "./api.js";
import { branchOf, forksOf } from "./branches.js";
import { Following } from "./following.js";
import { eventFor, storedFor } from "./reader.js";
import { RereadRuns } from "./rereading.js";
import { isToldInPart } from "./runevents.js";
import { ShownRuns } from "./shownruns.js";
import { RequestError } from "./socket.js";

/** Why nothing more comes of a run for now, by the event that tells it; nothing once it goes on. */
const HELD_UP = {
  storage_waiting: ({ waiting }) => waiting && "Nothing can be saved at the moment. The answer goes on by itself…",
  worker_silent: ({ silent }) => silent && "The server that writes this answer does not respond. Waiting for it…",
};

/** Milliseconds for which what was read before it was wanted is as good as new. */
const FRESH = 5000;

export class Viewer {
  #acks;
  #following;
  /** Who is told: {loaded, loadedOlder, changed}. */
  #told;
  #user;
  #conversation;
  #readStored;
  /** Counts the conversations that were on the page. */
  #turn = 0;
  /** Whose conversation it is, and what its owner allows: `{owner, may_stop}`; null for one's own. */
  shared = null;
  /** Reads runs of which more is stored than the page knows. */
  #again = this.#rereading();
  /** Which branch the page shows, as `branchOf` tells it. */
  #branch = branchOf({});
  #forks = [];
  /** What was read last, and when, of what goes on: `{shown, active, at}`, the end of the branch and the run under way. */
  #end = null;
  /** The newest runs while they are read, or null. */
  #loading = null;
  /** What is read before anybody wants it: {conversation, at, stored}; null for nothing. */
  #ahead = null;
  /** The place from which older runs are read; null if there are none, undefined before the first page. */
  #before;
  #isLoadingOlder = false;
  /** @type {ShownRuns} */
  #runs;

  /**
   * @param {{socket: object, list: HTMLElement, conversation: string, user: string, read?: Function,
   *   loaded: Function, loadedOlder: Function, changed: Function, handlers: object}} options
   *   `user` is the name of who looks; `read` reads what is stored, as `readConversation` does; `loaded(stored)` is called with a conversation and those of its runs that
   *   were read; `loadedOlder(stored, draw)` with older ones, which `draw` puts on the page;
   *   `changed(view, what)` when a run appears or goes on (`"started"`), `"waits"`, is `"held"` up or has `"ended"`;
   *   `handlers` is what a `RunView` takes
   */
  constructor({ socket, list, conversation, user, read = readConversation, loaded, loadedOlder, changed, handlers }) {
    this.#readStored = read;
    this.#following = new Following(socket);
    this.#conversation = conversation;
    this.#user = user;
    this.#told = { loaded, loadedOlder, changed };
    this.#runs = new ShownRuns({ list, handlers, changed });
    this.#acks = new Acks(socket, this.#runs.known);
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
    return this.#runs.views.find(({ isFinished }) => !isFinished);
  }

  /** What was asked last, an `Asked`, or undefined. */
  get lastAsked() {
    return this.#runs.lastAsked;
  }

  /** Return what was asked with this id, an `Asked`, or undefined. */
  askedWith(id) {
    return this.#runs.askedWith(id);
  }

  /** Whether there is a connection: without one, nobody knows what goes on. */
  set isOnline(isOnline) {
    this.#runs.isOnline = isOnline;
  }

  get isEmpty() {
    return this.#runs.known.size === 0;
  }

  /**
   * Show another conversation, or none with "": the page is empty until it was read. What comes late of the one
   * before is dropped.
   */
  switchTo(conversation) {
    if (this.#conversation) this.#following.leave(this.#conversation, this.#runs.live);
    this.#conversation = conversation;
    this.#turn++;
    this.#before = undefined;
    this.#isLoadingOlder = false;
    this.shared = null;
    this.#again = this.#rereading();
    this.#branch = branchOf({});
    this.#end = null;
    this.#loading = null;
    this.#runs.clear();
  }

  /** Read what another conversation shows first: somebody is about to choose it. */
  prefetch(conversation) {
    const isThere = this.#ahead?.conversation === conversation && performance.now() - this.#ahead.at < FRESH;
    if (isThere || conversation === this.#conversation) return;
    // What cannot be read is asked for once more when it is wanted.
    const stored = this.#readStored(conversation, {}).catch(() => null);
    this.#ahead = { conversation, at: performance.now(), stored };
  }

  /** Draw the newest runs as they are stored. Those on the page stay as they are, unless they ended unseen. */
  async load() {
    if (!this.#conversation) return;
    const loading = this.#load().finally(() => {
      if (this.#loading === loading) this.#loading = null;
    });
    this.#loading = loading;
    await loading;
  }

  async #load() {
    const wasLoaded = this.#before !== undefined;
    const known = new Set(this.#runs.known.keys());
    const stored = await this.#read();
    const isOther = this.#branch !== branchOf(stored);
    let oldest = stored;
    // More runs than one page may have ended while nobody listened.
    while (wasLoaded && !isOther && oldest.before && !oldest.runs.some(({ id }) => known.has(id))) {
      oldest = await this.#read({ before: oldest.before });
      for (const kind of ["runs", "messages", "notes"]) stored[kind].unshift(...oldest[kind]);
    }
    if (!wasLoaded || isOther) this.#before = stored.before ?? null;
    if (isOther) this.#runs.leave(known, new Set(stored.runs.map(({ id }) => id)));
    this.#branch = branchOf(stored);
    const active = stored.runs.find(({ finished_at: end }) => end === null)?.id;
    this.#end = { shown: stored.shown, active, at: performance.now() };
    this.#runs.place(stored);
    this.#take(stored);
    this.#told.loaded(stored);
  }

  /** Take what the server tells of a conversation's branches: `{shown, forks}`. Read again if another one is shown. */
  async branchChanged(outline) {
    if (branchOf(outline) !== this.#branch) await this.load();
    else this.#take(outline);
  }

  #take({ forks = [] }) {
    this.#forks = forks;
    for (const view of this.#runs.views) view.forks = forksOf(view.run, this.#forks);
  }

  /** Take from the page what comes after the message `id`: another version of it was asked for. `null` is the beginning. */
  cutAfter(id) {
    this.#runs.cutAfter(id);
  }

  /** Draw the runs before the oldest one on the page, above it. Return whether there were any. */
  async loadOlder() {
    if (!this.#before || this.#isLoadingOlder) return false;
    this.#isLoadingOlder = true;
    try {
      const stored = await this.#read({ before: this.#before });
      const draw = this.#runs.placeOlder(stored);
      this.#before = stored.before;
      this.#take(stored);
      this.#told.loadedOlder(stored, draw);
      return true;
    } finally {
      this.#isLoadingOlder = false;
    }
  }

  /** Follow, after each (re)connection: live runs from where they stopped, and every later one. */
  async follow() {
    await Promise.allSettled(this.#runs.live.map((id) => this.#subscribe(id)));
    if (!this.#conversation) return;
    // What began and ended while nobody listened is not replayed: it is stored. Both are asked for at once.
    const isRead = performance.now() - (this.#end?.at ?? -Infinity) < FRESH;
    const loading = this.#loading ?? (isRead ? null : this.load());
    const [followed] = await Promise.all([this.#followConversation(), loading]);
    const isSame = this.#end?.shown === followed.shown && this.#end.active === followed.run_id;
    // Something began or ended between the two.
    if (!isSame) await this.load();
  }

  /** Remember the model of a run that this page is about to start: its events do not tell. */
  expect(runId, model) {
    this.#runs.expect(runId, model);
  }

  /** The server took the run: this is its conversation from now on. What is queued is shown when it begins. */
  async started({ run_id: runId, conversation_id: conversation, state }) {
    const isNew = this.#conversation !== conversation;
    this.#conversation = conversation;
    if (!this.#runs.known.has(runId) && state !== "queued") this.#told.changed(this.#runs.adopt({ id: runId }).view, "started");
    if (state === "exists") await this.#subscribe(runId);
    if (isNew) await this.#followConversation();
  }

  // What is told of who shares it is known before the first event. Returns all that is told.
  async #followConversation() {
    const turn = this.#turn;
    const followed = await this.#following.conversation(this.#conversation);
    if (turn === this.#turn) this.shared = followed.shared ?? null;
    return followed;
  }

  /** Take an `event` frame. */
  receive({ run_id: runId, seq, event }, characters) {
    if (event.type === "CUSTOM" && Object.hasOwn(HELD_UP, event.name)) {
      // It is in no log, and has the number of the event before it.
      const { view } = this.#runs.known.get(runId) ?? {};
      if (view?.heldUp(HELD_UP[event.name](event.value))) this.#told.changed(view, "held");
      return;
    }
    if (!this.#isOurs(runId, seq, event)) return;
    const known = this.#runs.known.get(runId) ?? this.#runs.adopt({ id: runId });
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
    if (this.#runs.known.has(runId)) return true;
    if (seq === 1 && metadata?.begins === undefined) this.#runs.forgetExpected(runId);
    else if (this.#runs.isExpected(runId) || (seq === 1 && threadId === this.#conversation)) return true;
    return false;
  }

  /** Show what `cutAfter` has taken from the page. */
  showAll() {
    this.#runs.showAll();
  }

  /** Bring a run up to date that went on unseen, or of which the server knows more than we do. */
  async catchUp(runId) {
    await Promise.allSettled([this.#subscribe(runId), this.#again.read(runId)]);
  }

  async #read(wanted = {}) {
    const turn = this.#turn;
    const left = new RequestError("left", "Another conversation is on the page now.", false);
    const stored = await this.#stored(this.#conversation, wanted).catch((error) => {
      throw turn === this.#turn ? error : left;
    });
    if (turn !== this.#turn) throw left;
    this.shared = stored.shared ?? null;
    return storedFor(this.#user, stored);
  }

  // What was read ahead is taken once.
  async #stored(conversation, wanted) {
    const ahead = this.#ahead;
    this.#ahead = null;
    const isWanted = ahead?.conversation === conversation && Object.keys(wanted).length === 0;
    const isFresh = isWanted && performance.now() - ahead.at < FRESH;
    return (isFresh && (await ahead.stored)) || this.#readStored(conversation, wanted);
  }

  #rereading() {
    return new RereadRuns((runs) => this.#read({ runs }), (stored) => this.#learn(stored));
  }

  #learn(stored) {
    this.#runs.learn(stored);
    this.#take(stored);
    this.#told.loaded(stored);
  }

  async #subscribe(runId) {
    await this.#following.run(runId, this.#runs.known.get(runId));
  }
}
