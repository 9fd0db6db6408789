// What the user asks of the server, and what becomes of it without a connection.

import { cancelRun } from "./api.js";
import { kept, wordsOf } from "./outbox.js";
import { inputOf, newId, startFrame } from "./frames.js";
import { startFields } from "./settings.js";

/** What becomes of a command while there is no connection. */
const LATER = {
  start: "There is no connection. This is sent as soon as it is back.",
  cancel: "It will be stopped as soon as the connection is back.",
};

/** Errors of a decision that came too late, or for something else than what waits. */
const OUTDATED = new Set(["interrupt_mismatch", "nothing_pending", "already_terminal", "conflict"]);

export class Commands {
  #socket;
  #viewer;
  #tools;
  #settings;
  #composer;
  #begun;
  #taken;
  #stopping;
  #report;
  /** Commands that the server has not answered. */
  #unanswered = new Set();

  /**
   * @param {{socket: object, viewer: object, tools: object, settings: object, composer: () => object,
   *   begun: (conversation: string) => void, taken: () => void, stopping: (view: object) => void,
   *   report: (error: object) => void}} parts
   *   `begun(id)` is called when a message has begun a conversation, `taken()` when any was taken, `stopping(view)` when
   *   a run was asked to stop, `report(error)` when an error is to be told
   */
  constructor({ socket, viewer, tools, settings, composer, begun, taken, stopping, report }) {
    this.#socket = socket;
    this.#viewer = viewer;
    this.#tools = tools;
    this.#settings = settings;
    this.#composer = composer;
    this.#begun = begun;
    this.#taken = taken;
    this.#stopping = stopping;
    this.#report = report;
  }

  /** Say what becomes of what was asked for: there is no connection. */
  sayLater() {
    const last = [...this.#unanswered].findLast(({ type }) => LATER[type]);
    if (last) this.#composer().note(LATER[last.type], { whileOffline: true });
  }

  /** Send a message. `options` are `whenBusy` and `after` of `startFrame`. */
  async send(text, files, model, options = {}) {
    await this.#start({ model, input: inputOf(newId(), text, files), ...options }, files);
  }

  /** Answer the user's message `after` once more, or go on after an answer's message; `model` may be another one. */
  async again(after, model) {
    await this.#start({ model, after });
  }

  /** Hand a message to the model between two steps of the run under way. */
  async steer(text, files) {
    const view = this.#viewer.liveRun;
    const frame = { type: "steer", run_id: view?.run.id ?? "", input: inputOf(newId(), text, files) };
    // Until then it is shown with the queue.
    await this.#socket.request(frame);
  }

  /** Change the queue, or what is shown: a frame of the protocol. */
  async change(frame) {
    return this.#socket.request(frame);
  }

  /** Stop the run under way, at once or after its step. */
  async stop({ mode = "immediate" } = {}) {
    const view = this.#viewer.liveRun;
    if (!view) return;
    view.stopping();
    this.#stopping(view);
    const { id } = view.run;
    if (!this.#socket.isReady) this.#stopOverHttp(id);
    // Asking twice changes nothing, and would only wait twice.
    const isAsked = ({ type, run_id: asked, mode: how }) => type === "cancel" && asked === id && how === mode;
    if ([...this.#unanswered].some(isAsked)) return;
    try {
      await this.#command({ type: "cancel", run_id: id, mode });
    } catch (error) {
      view.stopping(false);
      this.#report(error);
    }
  }

  /** Hand in the decisions that a run waits for. Never twice by itself: another's may have come in between. */
  async resolve(id, resume) {
    try {
      await this.#socket.request({ type: "resolve", run_id: id, resume });
    } catch (error) {
      if (OUTDATED.has(error.code)) this.#viewer.catchUp(id);
      throw error;
    }
  }

  async #start(asked, files = []) {
    const names = await this.#tools.ticked();
    const { conversation, turn } = this.#viewer;
    const settings = startFields(this.#settings.values);
    const frame = startFrame({ ...asked, conversation, tools: names, settings });
    this.#viewer.expect(frame.run_id, frame.model);
    // Another version of what comes next: the one before leaves the page at once.
    if (asked.after !== undefined && !asked.whenBusy) this.#viewer.cutAfter(asked.after);
    // The run's id is ours, so that a second copy of the frame starts nothing new.
    const answer = await this.#command(frame).catch(async (error) => {
      this.#viewer.showAll();
      if (error.code === "not_found") await this.#findMissing(error, files, names);
      throw error;
    });
    this.#show(answer, turn);
  }

  /** Send again what was sent before the page was loaded and not answered: the server takes it once. */
  sendKept() {
    const { turn } = this.#viewer;
    for (const frame of kept()) {
      const taken = this.#command(frame);
      if ((frame.conversation_id ?? "") === this.#viewer.conversation) {
        this.#viewer.expect(frame.run_id, frame.model);
        this.#composer().resume(wordsOf(frame), taken.then((answer) => this.#show(answer, turn)));
      } else taken.catch(this.#report);
    }
  }

  // What the server has taken, unless another conversation is on the page by now: then it goes on in the list.
  #show(answer, turn) {
    if (turn !== this.#viewer.turn) return;
    this.#composer().note("");
    if (!this.#viewer.conversation) this.#begun(answer.conversation_id);
    this.#taken();
    // It was taken, whatever becomes of following it: the field is free.
    this.#viewer.started(answer).catch(() => {
      // The connection broke meanwhile: `follow` does the same once it is back.
    });
  }

  // Sent now, or once there is a connection again.
  async #command(frame) {
    this.#unanswered.add(frame);
    if (!this.#socket.isReady) this.sayLater();
    try {
      return await this.#socket.request(frame, { repeat: true });
    } finally {
      this.#unanswered.delete(frame);
    }
  }

  // A file or a tool may be what is gone: then only the conversation itself tells whether it is there.
  async #findMissing(error, files, names = []) {
    await this.#tools.load();
    if (files.length || !(await this.#tools.has(...names))) await this.#viewer.load().catch(this.#report);
    else this.#report(error);
  }

  // Without a socket the run goes on all the same, and plain HTTP may still get through.
  async #stopOverHttp(id) {
    try {
      await cancelRun(id);
      this.#composer().online();
    } catch {
      // The socket asks again as soon as it is back.
    }
  }
}
