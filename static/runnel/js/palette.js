// The palette: all that can be done now, found by a few letters, done with Enter.

import { actionsFor, keyNames } from "./actions.js";
import { byId, element } from "./dom.js";

/** Entries that are shown at most: who sees so many types another letter. */
const MOST = 60;

/** Return how well an action fits the typed words, 0 for not at all. */
export function fitOf({ title, group = "", also = "" }, words) {
  const typed = words.toLowerCase().split(/\s+/).filter(Boolean);
  const name = title.toLowerCase();
  const rest = `${group} ${also}`.toLowerCase();
  let fit = 1;
  for (const word of typed) {
    if (name.startsWith(word)) fit += 4;
    else if (name.includes(` ${word}`)) fit += 3;
    else if (name.includes(word)) fit += 2;
    else if (rest.includes(word)) fit += 1;
    else return 0;
  }
  return fit;
}

/** Return the actions that fit, the best ones first; of equals the one that was offered first. */
export function ranked(actions, words) {
  const fits = actions.map((action) => ({ action, fit: fitOf(action, words) })).filter(({ fit }) => fit > 0);
  if (words.trim()) fits.sort((one, other) => other.fit - one.fit);
  return fits.slice(0, MOST).map(({ action }) => action);
}

export class Palette {
  #dialog = byId("palette");
  #field = byId("palette-words");
  #list = byId("palette-list");
  #nothing = byId("palette-nothing");
  /** What is shown, in its order: {action, item}. */
  #shown = [];
  #chosen = 0;
  /** Counts what was typed: an answer to earlier words comes too late. */
  #turn = 0;

  constructor() {
    this.#field.addEventListener("input", () => this.look());
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    // The dialog itself is hit only beside what is in it.
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
  }

  /** Show what fits the words in the field. */
  async look() {
    const words = this.#field.value;
    const turn = ++this.#turn;
    const { known, coming } = actionsFor(words);
    this.#draw(known, words);
    if (!coming.length) return;
    const more = (await Promise.all(coming)).flat();
    if (turn === this.#turn && more.length) this.#draw([...known, ...more], words);
  }

  #draw(actions, words) {
    const found = ranked(actions, words);
    const groups = Map.groupBy(found, ({ group = "" }) => group);
    this.#shown = [];
    const parts = [...groups].map(([group, members]) => this.#group(group, members));
    this.#list.replaceChildren(...parts);
    this.#nothing.textContent = found.length ? "" : "Nothing here is called so.";
    this.#choose(0);
  }

  #group(group, actions) {
    const items = actions.map((action) => this.#item(action));
    if (!group) return element("li", { role: "presentation" }, element("ul", { role: "presentation" }, ...items));
    const title = element("span", { class: "heading", role: "presentation" }, group);
    return element("li", { role: "presentation" }, title, element("ul", { role: "group", "aria-label": group }, ...items));
  }

  #item(action) {
    const index = this.#shown.length;
    const keys = action.keys ? keyNames(action.keys).map((key) => element("kbd", {}, key)) : [];
    const title = element("span", { class: "title" }, action.title);
    const item = element("li", { role: "option", id: `palette-${index}` }, title, element("span", {}, ...keys));
    item.addEventListener("pointermove", () => this.#choose(index));
    item.addEventListener("click", () => this.#run(action));
    this.#shown.push({ action, item });
    return item;
  }

  #choose(index) {
    this.#shown[this.#chosen]?.item.removeAttribute("aria-selected");
    this.#chosen = index;
    const { item } = this.#shown[index] ?? {};
    this.#field.setAttribute("aria-activedescendant", item?.id ?? "");
    item?.setAttribute("aria-selected", "true");
    item?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const { length } = this.#shown;
    if (event.isComposing || !length) return;
    if (event.key === "Enter") this.#run(this.#shown[this.#chosen].action);
    else if (event.key === "ArrowDown") this.#choose((this.#chosen + 1) % length);
    else if (event.key === "ArrowUp") this.#choose((this.#chosen + length - 1) % length);
    else return;
    event.preventDefault();
  }

  #run(action) {
    this.#dialog.close();
    action.run();
  }
}
