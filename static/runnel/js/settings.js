// With what the runs of this conversation are started: model, system prompt, effort, limits, budget, fallbacks.
//
// Stored with the conversation, so that another tab and a reload have the same; of one that is yet to begin they are
// kept here until it has an id. What shows them is loaded when somebody looks.

import { changeSettings, storeSettings } from "./api.js";
import { byId } from "./dom.js";

/** Settings that travel as `options` of a `start`; the others have fields of their own. */
const OPTIONS = ["reasoning_effort", "max_output_tokens", "temperature", "fallback_models"];

/** Return the fields of a `start` frame for these settings. */
export function startFields(settings) {
  const { system, budget } = settings;
  const options = Object.fromEntries(OPTIONS.filter((name) => settings[name] != null).map((name) => [name, settings[name]]));
  return {
    ...(system && { system }),
    ...(budget && Object.keys(budget).length && { budget }),
    ...(Object.keys(options).length && { options }),
  };
}

export class Settings {
  #button = byId("settings");
  #values = {};
  #conversation;
  #handlers;
  #drawer = null;
  /** Resolves once it is known what is stored. */
  #known = Promise.withResolvers();
  #storing = Promise.resolve();
  /** Counts what is yet to be stored: what was read meanwhile is older. */
  #unstored = 0;

  /**
   * @param {string} conversation  id of the conversation, or ""
   * @param {{stopAfterStep: () => void, canStopAfterStep: () => boolean}} handlers
   */
  constructor(conversation, handlers) {
    this.#conversation = conversation;
    this.#handlers = handlers;
    this.#button.addEventListener("click", () => this.open());
    if (!conversation) this.#known.resolve();
    this.#show();
  }

  get values() {
    return this.#values;
  }

  /** Take what is stored of the conversation. */
  take({ id, settings = {} }) {
    if (id !== this.#conversation) this.#conversation = id;
    this.#known.resolve();
    if (this.#unstored) return;
    this.#values = settings;
    this.#show();
    this.#drawer?.draw(settings);
  }

  /** The conversation has begun: what was chosen before is stored with it. */
  begin(conversation) {
    if (conversation === this.#conversation) return;
    this.#conversation = conversation;
    if (Object.keys(this.#values).length) this.change(this.#values).catch(() => {});
  }

  /** Remember the model that was chosen for this conversation. One that is yet to begin is known by its first run. */
  async chooseModel(model) {
    const id = this.#conversation;
    await this.#known.promise;
    if (!id || id !== this.#conversation || this.#values.model === model) return;
    this.#values = { ...this.#values, model };
    await changeSettings(id, { model });
  }

  /** Forget what was chosen: another conversation is shown, "" for a new one. */
  reset(conversation) {
    this.#conversation = conversation;
    this.#values = {};
    this.#known = Promise.withResolvers();
    if (!conversation) this.#known.resolve();
    this.#show();
  }

  /** Change the settings, all at once, and store them. */
  async change(values) {
    this.#values = values;
    this.#show();
    const id = this.#conversation;
    if (!id) return;
    this.#unstored += 1;
    // One after the other: the last one holds.
    const stored = this.#storing.then(() => storeSettings(id, values));
    this.#storing = stored.catch(() => {});
    try {
      await stored;
    } finally {
      this.#unstored -= 1;
    }
  }

  async open() {
    const id = this.#conversation;
    await this.#known.promise;
    if (id !== this.#conversation) return;
    const { SettingsDrawer } = await import("./settingsdrawer.js");
    this.#drawer ??= new SettingsDrawer({ changed: (values) => this.change({ ...values, ...this.#model }), ...this.#handlers });
    this.#drawer.open(this.#values);
  }

  // It has a field of its own, and is neither drawn nor reset with the others.
  get #model() {
    const { model } = this.#values;
    return model ? { model } : {};
  }

  #show() {
    const count = Object.keys(this.#values).filter((name) => name !== "model").length;
    this.#button.classList.toggle("changed", count > 0);
    const words = count === 1 ? "one is set" : `${count} are set`;
    this.#button.setAttribute("aria-label", count ? `Settings of this conversation, ${words}` : "Settings of this conversation");
  }
}
