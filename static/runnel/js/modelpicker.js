// The list of models under a field: search, favourites, prices, what each can.

import { storeChoices } from "./api.js";
import { element } from "./dom.js";
import { shown } from "./hidden.js";
import { readModels } from "./modellist.js";
import { facts, groupsFor } from "./models.js";

/** Pixels between the field and the list. */
const GAP = 8;

let count = 0;

export class ModelPicker {
  #field;
  #chosen;
  #isInline;
  #marked;
  #id = `models-${++count}`;
  #list = element("ul", { id: this.#id, role: "listbox", "aria-label": "Models" });
  #note = element("p", { class: "note", role: "status" });
  #star = element("button", { type: "button", class: "link" });
  #foot = element("footer", {}, element("span", {}, "US dollars for a million tokens in / out"), this.#star);
  #panel = element("div", { class: "models" }, this.#list, this.#note, this.#foot);
  #catalog = null;
  /** What is shown, in its order: {model, item}. */
  #shown = [];
  #current = 0;
  /** Whether what the field holds is not what is looked for, but what was chosen before. */
  #isWhole = false;
  #before = "";

  /**
   * @param {HTMLInputElement} field
   * @param {{chosen: (name: string) => void, isInline?: boolean, marked?: string}} options  who takes what is chosen;
   *   whether the list stands below the field at all times, as in a dialog, or floats above it while it is used; the
   *   model to begin at, without one that in the field
   */
  constructor(field, { chosen, isInline = false, marked = "" }) {
    this.#marked = marked;
    this.#field = field;
    this.#chosen = chosen;
    this.#isInline = isInline;
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-controls": this.#id,
      "aria-expanded": "false",
    })) {
      field.setAttribute(name, value);
    }
    if (!isInline) this.#panel.popover = "manual";
    field.after(this.#panel);
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("input", () => this.isOpen && this.#look());
    this.#panel.addEventListener("keydown", (event) => event.key === "Escape" && this.#cancel(event));
    // What is pressed in the list leaves the focus in the field.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#star.addEventListener("click", () => this.#toggle(this.#shown[this.#current]?.model));
    for (const part of [field, this.#panel]) part.addEventListener("focusout", (event) => this.#left(event));
    addEventListener("resize", () => this.close());
  }

  get isOpen() {
    return this.#isInline ? this.#panel.isConnected : this.#panel.matches(":popover-open");
  }

  /** Show the list; `isWhole`: all of it, whatever the field holds. */
  async open({ isWhole = false } = {}) {
    this.#isWhole = isWhole;
    if (!this.#isInline) {
      if (!this.isOpen) this.#before = isWhole ? this.#field.value : "";
      this.#panel.showPopover();
      this.#place();
      this.#field.setAttribute("aria-expanded", "true");
    }
    if (!this.#catalog) this.#note.textContent = "Asking which models there are…";
    try {
      this.#catalog = await readModels();
    } catch (error) {
      this.#note.textContent = error.message;
      return;
    }
    this.#draw();
  }

  close() {
    if (this.#isInline || !this.isOpen) return;
    this.#panel.hidePopover();
    this.#field.setAttribute("aria-expanded", "false");
    this.#field.removeAttribute("aria-activedescendant");
  }

  #look() {
    this.#isWhole = false;
    if (this.#catalog) this.#draw();
  }

  #draw() {
    const typed = this.#isWhole ? "" : this.#field.value;
    this.#shown = [];
    const groups = groupsFor(this.#catalog, typed);
    this.#list.replaceChildren(...groups.map((group) => this.#group(group)));
    this.#note.textContent = groups.length ? "" : "No model here is called so. The name can be sent all the same.";
    this.#foot.hidden = !groups.length;
    const marked = this.#marked || this.#field.value;
    const at = this.#shown.findIndex(({ model }) => model.name === marked);
    this.#choose(this.#isWhole && at >= 0 ? at : 0);
    if (!this.#isInline) this.#place();
  }

  #group({ title, models }) {
    const items = models.map((model) => this.#item(model));
    return element(
      "li",
      { role: "presentation" },
      element("span", { class: "heading", role: "presentation" }, title),
      element("ul", { role: "group", "aria-label": title }, ...items),
    );
  }

  #item(model) {
    const index = this.#shown.length;
    const isFavourite = this.#catalog.favourites.includes(model.name);
    const star = element("span", { class: isFavourite ? "star on" : "star", "aria-hidden": "true" });
    const title = element("span", { class: "title" }, shown(model.title || model.name.slice(model.provider.length + 1)));
    const item = element(
      "li",
      { role: "option", id: `${this.#id}-${index}`, "aria-selected": "false" },
      element("span", { class: "names" }, title, element("code", {}, shown(model.name))),
      element("span", { class: "facts" }, facts(model).join(" · ")),
      star,
    );
    star.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#toggle(model);
    });
    item.addEventListener("pointermove", () => this.#choose(index, { isSeen: true }));
    item.addEventListener("click", () => this.#take(model));
    this.#shown.push({ model, item });
    return item;
  }

  #choose(index, { isSeen = false } = {}) {
    this.#shown[this.#current]?.item.setAttribute("aria-selected", "false");
    this.#current = index;
    const { model, item } = this.#shown[index] ?? {};
    if (!item) {
      this.#field.removeAttribute("aria-activedescendant");
      return;
    }
    item.setAttribute("aria-selected", "true");
    this.#field.setAttribute("aria-activedescendant", item.id);
    if (!isSeen) item.scrollIntoView({ block: "nearest" });
    const isFavourite = this.#catalog.favourites.includes(model.name);
    this.#star.textContent = isFavourite ? "Remove from favourites" : "Add to favourites";
  }

  #key(event) {
    if (!this.isOpen || event.isComposing) return;
    const { length } = this.#shown;
    if (event.key === "Escape") {
      this.#cancel(event);
      return;
    }
    if (event.key === "Enter") {
      event.preventDefault();
      const { model } = this.#shown[this.#current] ?? {};
      if (model) this.#take(model);
      else if (this.#isInline && this.#field.value.includes("/")) this.#chosen(this.#field.value);
      else this.close();
      return;
    }
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (!steps[event.key] || !length) return;
    event.preventDefault();
    const next = this.#current + steps[event.key];
    const isStep = event.key.startsWith("Arrow");
    this.#choose(isStep ? (next + length) % length : Math.max(0, Math.min(length - 1, next)));
  }

  #take(model) {
    this.close();
    this.#chosen(model.name);
  }

  // The field has again what it had.
  #cancel(event) {
    if (this.#isInline) return;
    event.preventDefault();
    event.stopPropagation();
    this.close();
    if (this.#before) this.#field.value = this.#before;
    this.#field.focus();
  }

  #left({ relatedTarget }) {
    if (relatedTarget !== this.#field && !this.#panel.contains(relatedTarget)) this.close();
  }

  async #toggle(model) {
    if (!model) return;
    const { favourites } = this.#catalog;
    const next = favourites.includes(model.name)
      ? favourites.filter((name) => name !== model.name)
      : [...favourites, model.name];
    this.#catalog.favourites = next;
    const { length } = this.#shown;
    const at = this.#list.scrollTop;
    this.#draw();
    this.#list.scrollTop = at;
    const place = this.#shown.findIndex((each) => each.model === model);
    if (length && place >= 0) this.#choose(place, { isSeen: true });
    try {
      await storeChoices({ favourite_models: next });
    } catch (error) {
      this.#catalog.favourites = favourites;
      this.#draw();
      this.#note.textContent = error.message;
    }
  }

  // Above the field, within the window. What floats on top knows nothing of the elements below.
  #place() {
    const { left, top } = this.#field.getBoundingClientRect();
    const width = Math.min(560, innerWidth - 2 * GAP);
    Object.assign(this.#panel.style, {
      width: `${width}px`,
      left: `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`,
      bottom: `${innerHeight - top + GAP}px`,
      maxHeight: `${Math.min(480, top - 2 * GAP)}px`,
    });
  }
}

/** Return the model that the user chooses in a dialog, "" if none. */
export function askInDialog(question, current) {
  const field = element("input", {
    type: "text",
    "aria-label": "Search for a model",
    placeholder: "Search, or type provider/name",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: "200",
  });
  const title = element("h2", {}, question);
  const close = element("button", { type: "button", class: "quiet" }, "Cancel");
  const dialog = element("dialog", { class: "choosing", "aria-label": question }, title, field, close);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let answer = "";
    const finish = (name) => {
      answer = name;
      dialog.close();
    };
    const picker = new ModelPicker(field, { chosen: finish, isInline: true, marked: current });
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.showModal();
    picker.open({ isWhole: true });
  });
}
