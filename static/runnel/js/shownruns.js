// The runs of one conversation that the page knows: each is drawn once, from what is stored or from its events.
//
// Knows where each stands on the page and how far it was read; not where it comes from.

import { cutAfter, putInOrder, showAgain } from "./placing.js";
import { RunView } from "./runview.js";

/**
 * @typedef {object} Known
 * @property {RunView} view
 * @property {number} seq  of the last event that was drawn
 * @property {number} acked  of the last one that the server was told of
 * @property {number} unacked  characters that came since
 * @property {boolean} isAsking  whether it is asked for from where it is known
 * @property {boolean} isStored  whether it was drawn from what is stored: its events tell nothing new
 * @property {boolean} isOlder  whether it was read, as one of a page
 */

export class ShownRuns {
  #list;
  #handlers;
  #changed;
  /** Whether what goes on is heard of. */
  #isOnline = true;
  /** Models of the runs that this page asked for, until they appear. */
  #models = new Map();
  /**
   * By id. Those of another branch that go on are followed as well, and not on the page.
   * @type {Map<string, Known>}
   */
  known = new Map();

  /**
   * @param {{list: HTMLElement, handlers: object, changed: (view: RunView, what: string) => void}} options
   *   where they are shown; what a `RunView` takes; who is told of a run that has `"ended"` unseen
   */
  constructor({ list, handlers, changed }) {
    this.#list = list;
    this.#handlers = handlers;
    this.#changed = changed;
  }

  /** The views of all, on the page or not. */
  get views() {
    return [...this.known.values()].map(({ view }) => view);
  }

  /** The ids of those that go on. */
  get live() {
    return [...this.known].filter(([, { view }]) => !view.isFinished).map(([id]) => id);
  }

  // In the order of the page: older runs are read later.
  get #shown() {
    const byElement = new Map([...this.known.values()].map((known) => [known.view.element, known]));
    return [...this.#list.children].map((child) => byElement.get(child)).filter(Boolean);
  }

  /** What was asked last, an `Asked`, or undefined. */
  get lastAsked() {
    return this.#shown.findLast(({ view }) => view.question)?.view.question;
  }

  /** Return what was asked with this id, an `Asked`, or undefined. */
  askedWith(id) {
    return this.#shown.map(({ view }) => view.askedWith(id)).find(Boolean);
  }

  /** Whether there is a connection: without one, nobody knows what goes on. */
  set isOnline(isOnline) {
    this.#isOnline = isOnline;
    for (const view of this.views) view.isFollowed = isOnline;
  }

  /** Forget all: another conversation is shown. */
  clear() {
    this.known.clear();
    this.#list.replaceChildren();
  }

  /** Remember the model of a run that this page is about to start: its events do not tell. */
  expect(id, model) {
    this.#models.set(id, model);
  }

  /** Whether a run was asked for here and has not appeared. */
  isExpected(id) {
    return this.#models.has(id);
  }

  /** A run that was asked for does not appear: it was removed from the queue. */
  forgetExpected(id) {
    this.#models.delete(id);
  }

  /** Put a run that goes on, or begins, at the end of the page. */
  adopt(run) {
    const view = new RunView({ model: this.#models.get(run.id), ...run }, this.#handlers);
    const known = { view, seq: 0, acked: 0, unacked: 0, isAsking: false, isStored: false, isOlder: false };
    view.isFollowed = this.#isOnline;
    this.#models.delete(run.id);
    this.known.set(run.id, known);
    this.#list.append(view.element);
    return known;
  }

  /** Draw the newest runs as they are stored, in their order. Those on the page stay as they are, unless they ended unseen. */
  place(stored) {
    const order = this.#placeAll(stored);
    const last = this.#shown.findLast(({ isOlder, view }) => isOlder && !order.includes(view.element));
    putInOrder(this.#list, order, last?.view.element);
    showAgain(this.#list);
  }

  /** Draw older runs; return a function that puts them above those on the page. */
  placeOlder(stored) {
    const order = this.#placeAll(stored);
    return () => this.#list.prepend(...order);
  }

  /** Another branch is shown: of the runs `ids`, those that are not `staying` leave the page. */
  leave(ids, staying) {
    for (const [id, { view }] of [...this.known]) {
      if (!ids.has(id) || staying.has(id)) continue;
      view.element.remove();
      // One that goes on elsewhere is followed all the same: it can be stopped.
      if (view.isFinished) this.known.delete(id);
    }
  }

  /** Take from the page what comes after the message `id`: another version of it was asked for. `null` is the beginning. */
  cutAfter(id) {
    cutAfter(this.#shown.map(({ view }) => view), id);
  }

  /** Show what `cutAfter` has taken from the page. */
  showAll() {
    showAgain(this.#list);
  }

  /** Take what was read of some runs again. */
  learn({ runs, messages }) {
    for (const run of runs) {
      const known = this.known.get(run.id);
      if (!known || known.isStored) continue;
      if (!known.view.isFinished) known.view.learn(run);
      else if (run.finished_at && !known.view.run.finished_at) known.view.finish(run);
      known.view.identify(messages.filter(({ run_id: id }) => id === run.id));
    }
  }

  #placeAll({ runs, messages }) {
    const said = Map.groupBy(messages, ({ run_id: id }) => id);
    return runs.map((run) => {
      const { element } = this.#place(run, said.get(run.id) ?? []);
      this.known.get(run.id).isOlder = true;
      return element;
    });
  }

  #place(run, messages) {
    const known = this.known.get(run.id);
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
      const { view } = this.adopt(run);
      view.learn(run);
      view.identify(messages);
      return view;
    }
    const view = RunView.stored(run, messages, this.#handlers);
    known?.view.element.replaceWith(view.element);
    const seq = run.last_seq;
    this.known.set(run.id, { view, seq, acked: seq, unacked: 0, isAsking: false, isStored: true, isOlder: false });
    if (known && !known.view.isFinished) this.#changed(view, "ended");
    return view;
  }
}
