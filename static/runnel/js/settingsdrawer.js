// The drawer with the settings of a conversation, and the presets of one's own.

import { readChoices, storeChoices } from "./api.js";
import { element } from "./dom.js";
import { askForModel } from "./modelfield.js";

/** Milliseconds after the last letter when what was typed is stored. */
const PAUSE = 500;

const EFFORTS = ["none", "minimal", "low", "medium", "high"];

/** The most models that are asked after the first. */
const MOST_FALLBACKS = 5;

/** Return a labelled field with a line about it. */
function labelled(label, field, hint = "") {
  const name = element("span", { class: "label" }, label);
  return element("label", {}, name, field, ...(hint ? [element("span", { class: "hint" }, hint)] : []));
}

function number(attributes) {
  return element("input", { type: "number", inputmode: "decimal", autocomplete: "off", ...attributes });
}

/** Return the number in a field, or undefined for none and for one that cannot be. */
function numberIn(field) {
  return field.value === "" || !field.validity.valid ? undefined : field.valueAsNumber;
}

/** Return what is wrong with a field, by its label. */
function problemWith(field) {
  return `${field.closest("label").querySelector(".label").textContent} is not saved: ${field.validationMessage}`;
}

/** Return an object without what is empty. */
function whole(values) {
  const isThere = (value) => value !== undefined && value !== "" && (typeof value !== "object" || Object.keys(value).length);
  return Object.fromEntries(Object.entries(values).filter(([, value]) => isThere(value)));
}

export class SettingsDrawer {
  #handlers;
  #system = element("textarea", { rows: "5", autofocus: true, maxlength: "12000", placeholder: "You are…" });
  #effort = element(
    "select",
    {},
    element("option", { value: "" }, "As the model does by itself"),
    ...EFFORTS.map((value) => element("option", { value }, value)),
  );
  #output = number({ min: "1", max: "10000000", step: "1", placeholder: "No limit" });
  #temperature = number({ min: "0", max: "2", step: "0.1", placeholder: "Usual" });
  #money = number({ min: "0.0001", step: "any", placeholder: "No limit" });
  #tokens = number({ min: "1", step: "1", placeholder: "No limit" });
  #fallbacks = element("ol", { class: "fallbacks" });
  #another = element("button", { type: "button", class: "quiet" }, "Add a model");
  #presets = element("select", { "aria-label": "Preset" });
  #save = element("button", { type: "button", class: "quiet" }, "Save as preset…");
  #remove = element("button", { type: "button", class: "quiet" }, "Delete");
  #name = element("input", { type: "text", maxlength: "60", placeholder: "Name of the preset", "aria-label": "Name of the preset" });
  #naming = element("form", { class: "naming", hidden: true });
  #state = element("p", { class: "state", role: "status" });
  #stop = element("button", { type: "button", class: "stop" }, "Stop after this step");
  #reset = element("button", { type: "button", class: "link" }, "Reset all");
  #dialog;
  #models = [];
  /** The user's presets, null until they were read. */
  #stored = null;
  #timer = 0;
  /** Whether something was changed that is not stored. */
  #isChanged = false;

  /** @param {{changed: (values: object) => Promise<void>, stopAfterStep: () => void, canStopAfterStep: () => boolean}} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    const keep = element("button", { class: "primary" }, "Save");
    this.#naming.append(this.#name, keep);
    const close = element("button", { type: "button", class: "quiet close", "aria-label": "Close" }, "×");
    this.#dialog = element(
      "dialog",
      { id: "settings-drawer", "aria-labelledby": "settings-title" },
      element("header", {}, element("h2", { id: "settings-title" }, "Conversation settings"), close),
      element("div", { class: "presets" }, this.#presets, this.#save, this.#remove),
      this.#naming,
      labelled("System prompt", this.#system, "The model reads it before everything else."),
      labelled("Effort", this.#effort, "How much the model thinks before it answers."),
      element(
        "div",
        { class: "pair" },
        labelled("Temperature", this.#temperature, "Low is steady, high is varied. Some models take none."),
        labelled("Longest answer", this.#output, "In tokens, thoughts included."),
      ),
      element(
        "fieldset",
        {},
        element("legend", {}, "Most that one answer may use"),
        labelled("US dollars", this.#money),
        labelled("Tokens", this.#tokens),
        element("p", { class: "hint" }, "The answer stops when it is spent, also in the middle of a sentence."),
      ),
      element(
        "fieldset",
        {},
        element("legend", {}, "If the model cannot be reached, ask"),
        this.#fallbacks,
        this.#another,
      ),
      element("footer", {}, this.#stop, this.#state, this.#reset),
    );
    document.body.append(this.#dialog);
    this.#listen(close);
  }

  open(values) {
    this.#isChanged = false;
    this.#fill(values);
    this.#state.textContent = "";
    this.#stop.hidden = !this.#handlers.canStopAfterStep();
    this.#dialog.showModal();
    this.#readPresets();
  }

  /** Show these settings, unless somebody is changing them. */
  draw(values) {
    if (!this.#isChanged) this.#fill(values);
  }

  #fill({ system = "", reasoning_effort: effort = "", temperature, max_output_tokens: output, budget = {}, fallback_models: models = [] }) {
    this.#system.value = system;
    // A provider may have a word of its own.
    if (effort && ![...this.#effort.options].some(({ value }) => value === effort)) {
      this.#effort.append(element("option", { value: effort }, effort));
    }
    this.#effort.value = effort;
    this.#temperature.value = temperature ?? "";
    this.#output.value = output ?? "";
    this.#money.value = budget.cost ?? "";
    this.#tokens.value = budget.tokens ?? "";
    // What is drawn anew loses the focus.
    if (models.join("\n") === this.#models.join("\n")) return;
    this.#models = [...models];
    this.#drawFallbacks();
  }

  get #values() {
    return whole({
      system: this.#system.value.trim(),
      reasoning_effort: this.#effort.value,
      temperature: numberIn(this.#temperature),
      max_output_tokens: numberIn(this.#output),
      budget: whole({ cost: numberIn(this.#money), tokens: numberIn(this.#tokens) }),
      fallback_models: this.#models,
    });
  }

  #listen(close) {
    const dialog = this.#dialog;
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    dialog.addEventListener("close", () => this.#store());
    for (const field of [this.#system, this.#effort, this.#temperature, this.#output, this.#money, this.#tokens]) {
      field.addEventListener("input", () => this.#changed());
    }
    this.#another.addEventListener("click", () => this.#addFallback());
    this.#presets.addEventListener("change", () => this.#apply());
    this.#save.addEventListener("click", () => {
      this.#naming.hidden = false;
      this.#name.value = this.#presets.value;
      this.#name.focus();
    });
    this.#naming.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#keep(this.#name.value.trim());
    });
    this.#remove.addEventListener("click", () => this.#forget(this.#presets.value));
    this.#stop.addEventListener("click", () => {
      this.#handlers.stopAfterStep();
      this.#stop.hidden = true;
      this.#state.textContent = "The answer stops when this step is done.";
    });
    this.#reset.addEventListener("click", () => {
      this.#fill({});
      this.#changed();
    });
  }

  #changed() {
    this.#isChanged = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#store(), PAUSE);
    this.#state.textContent = "";
  }

  async #store() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    // The others are saved all the same.
    const wrong = [this.#temperature, this.#output, this.#money, this.#tokens].find((field) => !field.validity.valid);
    try {
      this.#isChanged = Boolean(wrong);
      await this.#handlers.changed(this.#values);
      this.#state.textContent = wrong ? problemWith(wrong) : "Saved. The next message is sent so.";
    } catch (error) {
      this.#isChanged = true;
      this.#state.textContent = `Not saved: ${error.message}`;
    }
  }

  #drawFallbacks() {
    const entries = this.#models.map((name, index) => {
      const remove = element("button", { type: "button", class: "quiet", "aria-label": `Remove ${name}` }, "×");
      remove.addEventListener("click", () => {
        this.#models.splice(index, 1);
        this.#drawFallbacks();
        this.#another.focus();
        this.#changed();
      });
      return element("li", {}, element("code", {}, name), remove);
    });
    this.#fallbacks.replaceChildren(...entries);
    this.#another.hidden = this.#models.length >= MOST_FALLBACKS;
  }

  async #addFallback() {
    const name = await askForModel("Which model is asked next?", "");
    if (!name || this.#models.includes(name)) return;
    this.#models.push(name);
    this.#drawFallbacks();
    this.#changed();
  }

  async #readPresets() {
    try {
      const { presets } = await readChoices();
      this.#stored = presets;
      this.#drawPresets();
    } catch (error) {
      this.#state.textContent = error.message;
    }
  }

  #drawPresets(chosen = "") {
    const names = this.#stored.map(({ name }) => name);
    const first = names.length ? "Choose a preset…" : "No presets yet";
    this.#presets.replaceChildren(
      element("option", { value: "" }, first),
      ...names.map((name) => element("option", { value: name }, name)),
    );
    this.#presets.value = chosen;
    this.#presets.disabled = !names.length;
    this.#remove.hidden = !chosen;
  }

  #apply() {
    const preset = this.#stored.find(({ name }) => name === this.#presets.value);
    this.#remove.hidden = !preset;
    if (!preset) return;
    this.#fill(preset.settings);
    this.#changed();
  }

  async #keep(name) {
    if (!name) return;
    // What is changed is stored first: the line that says so would hide the one about the preset.
    await this.#store();
    const others = (this.#stored ?? []).filter((each) => each.name !== name);
    await this.#storePresets([...others, { name, settings: this.#values }], name);
    this.#naming.hidden = true;
    this.#presets.focus();
  }

  async #forget(name) {
    await this.#storePresets(this.#stored.filter((each) => each.name !== name), "");
    this.#presets.focus();
  }

  async #storePresets(presets, chosen) {
    try {
      const stored = await storeChoices({ presets });
      this.#stored = stored.presets;
      this.#drawPresets(chosen);
      this.#state.textContent = chosen ? `“${chosen}” is saved.` : "The preset is deleted.";
    } catch (error) {
      this.#state.textContent = error.message;
    }
  }
}
