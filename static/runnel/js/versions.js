// Other versions of a question or an answer: asking again, going on, changing a message, branching off, and looking
// at what there was.

import { askForModel } from "./modelfield.js";

export class Versions {
  #viewer;
  #commands;
  #composer;
  #settings;
  #report;
  #traces;

  /**
   * @param {{viewer: object, commands: object, composer: object, settings: object, report: (error: object) => void, traces?: string}} parts
   *   `traces` is where the calls of a run can be looked at
   */
  constructor({ viewer, commands, composer, settings, report, traces }) {
    this.#traces = traces;
    this.#viewer = viewer;
    this.#commands = commands;
    this.#composer = composer;
    this.#settings = settings;
    this.#report = report;
  }

  /** What a `RunView` offers, as `Asked` and `answerActions` take it. */
  get handlers() {
    return {
      edit: (asked, words) => this.#edit(asked, words),
      again: (view, options) => this.#again(view, options).catch(this.#report),
      goOn: (view) => this.#goOn(view).catch(this.#report),
      editQuestion: (view) => (view.question ?? this.#viewer.askedWith(view.answered))?.edit(),
      branch: (message) => this.#composer.branchAfter(message),
      show: (runId) => this.#show(runId).catch(this.#report),
      traces: this.#traces,
    };
  }

  // The same message once more, with other words: another version of it.
  async #edit(asked, words) {
    await this.#commands.send(words, asked.parts, this.#composer.model.value, { after: asked.parent });
  }

  async #again(view, { isOtherModel = false }) {
    const model = isOtherModel ? await askForModel("Which model answers?", view.run.model) : this.#composer.model.value;
    if (!model) return;
    // The conversation stays with its own, also for who opens it anew.
    this.#settings.chooseModel(this.#composer.model.value).catch(this.#report);
    await this.#commands.again(view.answered, model);
  }

  async #goOn(view) {
    await this.#commands.again(view.lastMessage, this.#composer.model.value);
  }

  async #show(runId) {
    const { conversation } = this.#viewer;
    const outline = await this.#commands.change({ type: "show", conversation_id: conversation, run_id: runId });
    await this.#viewer.branchChanged(outline);
  }
}
