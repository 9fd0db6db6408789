// What was noted in the conversation: one quiet line that opens into all of it.

import { byId, element } from "./dom.js";
import { date } from "./format.js";
import { shown } from "./hidden.js";

export class Notes {
  #block = byId("notes");
  #title = byId("notes-title");
  #list = byId("notes-list");
  #drawn = "[]";
  #byId = new Map();

  /** Show none: another conversation begins. */
  clear() {
    this.#byId.clear();
    this.#drawn = "[]";
    this.#block.hidden = true;
    /** @type {HTMLDetailsElement} */ (this.#block).open = false;
  }

  /** Show some of the notes as they are stored, beside those that were shown before; oldest first. */
  show(some = []) {
    for (const note of some) this.#byId.set(note.id, note);
    const notes = [...this.#byId.values()].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    const drawn = JSON.stringify(notes);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#block.hidden = !notes.length;
    const many = notes.length === 1 ? "1 note" : `${notes.length} notes`;
    this.#title.replaceChildren(element("strong", {}, many), " ", element("span", {}, shown(notes.at(-1)?.text ?? "")));
    this.#list.replaceChildren(
      ...notes.map(({ text, created_at: moment }) =>
        element("li", {}, element("bdi", {}, shown(text)), ...(moment ? [" ", element("time", { datetime: moment }, date(moment))] : [])),
      ),
    );
  }
}
