// The field for the model's name: a few letters find one, and a typo is told before anything is sent.
//
// The list of models and what shows it are loaded when somebody looks at the field.

import { byId } from "./dom.js";
import { readModels } from "./modellist.js";
import { modelName } from "./words.js";

/** Where this browser keeps the model that answered last. */
const KEY = "runnel.model";
const EMULATOR = "emulator/";

/** Milliseconds that a message waits to know whether its model exists. */
const PATIENCE = 2000;

/** Return the model that the user chooses in a dialog, "" if none. */
export async function askForModel(question, current) {
  const { askInDialog } = await import("./modelpicker.js");
  return askInDialog(question, current);
}

export class ModelField {
  #input = byId("model");
  #picker = null;
  /** The name about which a person was warned and that is sent all the same the next time. */
  #warned = "";
  #isTyped = false;
  #hasProposed = false;
  #chosen;

  /** @param {(name: string) => void} chosen  told of a model that was taken from the list */
  constructor(chosen) {
    this.#chosen = chosen;
    this.#input.addEventListener("input", () => {
      this.#isTyped = true;
      this.#input.removeAttribute("aria-invalid");
      this.#open();
    });
    this.#input.addEventListener("click", () => {
      this.#input.select();
      this.#open({ isWhole: true });
    });
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" || this.#picker?.isOpen) return;
      event.preventDefault();
      this.#open({ isWhole: true });
    });
  }

  get element() {
    return this.#input;
  }

  get value() {
    return modelName(this.#input.value);
  }

  set value(name) {
    this.#input.value = name;
    this.#input.title = name;
    this.#isTyped = false;
    this.#input.removeAttribute("aria-invalid");
  }

  /** Whether a person has typed what it holds. */
  get isTyped() {
    return this.#isTyped;
  }

  get #isChanged() {
    return this.#input.value !== this.#input.defaultValue;
  }

  /** Show what the page came with, until something is proposed. */
  reset() {
    this.value = this.#input.defaultValue;
    this.#hasProposed = false;
  }

  /** Propose a model; only the first time, and never over a typed one. */
  propose(model) {
    if (this.#hasProposed) return;
    this.#hasProposed = true;
    if (model && !this.#isChanged) this.value = model;
  }

  /** Propose the model that answered last, unless that was the emulator and a provider has a key by now. */
  proposeLast() {
    const last = localStorage.getItem(KEY);
    const isOutdated = last?.startsWith(EMULATOR) && !this.#input.defaultValue.startsWith(EMULATOR);
    this.propose(isOutdated ? null : last);
  }

  /** Remember a model that has answered: new conversations begin with it. */
  remember(model) {
    localStorage.setItem(KEY, model);
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  /** Show all models, as a click does. */
  choose() {
    this.focus();
    this.#open({ isWhole: true });
  }

  /** Return a sentence about a name that was typed wrongly; "" if it may be sent. A likely mistake is told once. */
  async problem() {
    if (!this.#isTyped) return "";
    const name = this.value;
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    const known = Promise.all([readModels(), import("./models.js")]).catch(() => null);
    const [catalog, { problemWith } = {}] = (await Promise.race([known, late])) ?? [];
    const found = problemWith ? problemWith(catalog, name) : null;
    if (!found || (!found.isCertain && this.#warned === name)) return "";
    this.#warned = name;
    this.#input.setAttribute("aria-invalid", "true");
    return found.isCertain ? found.sentence : `${found.sentence} Send once more to ask for it all the same.`;
  }

  async #open({ isWhole = false } = {}) {
    // Without it the name can still be typed.
    const { ModelPicker } = (await import("./modelpicker.js").catch(() => null)) ?? {};
    if (!ModelPicker) return;
    // Somebody may have gone on meanwhile.
    if (document.activeElement !== this.#input) return;
    this.#picker ??= new ModelPicker(this.#input, {
      chosen: (name) => {
        this.value = name;
        byId("message").focus();
        this.#chosen(name);
      },
    });
    this.#picker.open({ isWhole });
  }
}
