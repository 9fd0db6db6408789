// What the search and the archive show in the place of the list.

import { listConversations } from "./api.js";
import { byId, element } from "./dom.js";
import { EntryRow } from "./entryrow.js";

/** Milliseconds after a letter until it is searched for. */
const PAUSE = 150;

export class Finder {
  #field = byId("search");
  #list = byId("found");
  #rows = byId("found-list");
  #title = byId("found-title");
  #note = byId("found-note");
  #more = byId("found-more");
  #usual = byId("usual");
  #menu;
  #timer = 0;
  /** Counts what was asked for: an answer to something earlier comes too late. */
  #turn = 0;
  #wanted = {};
  #before = null;
  /** @type {Map<string, EntryRow>} */
  #shown = new Map();
  #current = "";

  /** @param {(row: EntryRow, button: HTMLElement) => void} menu */
  constructor(menu) {
    this.#menu = menu;
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), PAUSE);
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") this.#rows.querySelector("a")?.focus();
      else if (event.key !== "Escape" || (!this.#field.value && this.#list.hidden)) return;
      else this.close();
      event.preventDefault();
      event.stopPropagation();
    });
    byId("archive").addEventListener("click", () => this.#show("Archive", { archived: "1" }));
    byId("found-close").addEventListener("click", () => {
      this.close();
      byId("archive").focus();
    });
    this.#more.addEventListener("click", () => this.#read(this.#before));
  }

  /** Let the user search. */
  focus() {
    this.#field.focus();
    this.#field.select();
  }

  /** Which conversation is on the page. */
  set current(id) {
    this.#current = id;
    for (const row of this.#shown.values()) row.draw(row.entry, row.id === id);
  }

  /** Take an entry that has changed. */
  take(entry) {
    const row = this.#shown.get(entry.id);
    if (!row) return;
    const isOut = entry.deleted || (this.#wanted.archived && !entry.archived);
    if (!isOut) row.draw({ ...row.entry, ...entry }, entry.id === this.#current);
    else {
      row.item.remove();
      this.#shown.delete(entry.id);
      this.#sayIfEmpty();
    }
  }

  /** Show the usual list again. */
  close() {
    this.#turn++;
    this.#field.value = "";
    this.#list.hidden = true;
    this.#usual.hidden = false;
    this.#clear();
  }

  #search() {
    const q = this.#field.value.trim();
    if (q) this.#show("Found", { q });
    else this.close();
  }

  #show(title, wanted) {
    if (wanted.archived) this.#field.value = "";
    this.#wanted = wanted;
    this.#title.textContent = title;
    this.#read(null);
  }

  async #read(before) {
    const turn = ++this.#turn;
    let answer;
    try {
      answer = await listConversations({ ...this.#wanted, before });
    } catch (error) {
      answer = { conversations: [], before: null, problem: error.message };
    }
    if (turn !== this.#turn) return;
    if (before === null) this.#clear();
    for (const entry of answer.conversations) this.#add(entry);
    this.#before = answer.before;
    this.#more.hidden = answer.before === null;
    this.#usual.hidden = true;
    this.#list.hidden = false;
    this.#sayIfEmpty(answer.problem);
  }

  #sayIfEmpty(problem = "") {
    const nothing = this.#wanted.archived ? "Nothing is in the archive." : "Nothing found.";
    this.#note.textContent = problem || (this.#shown.size ? "" : nothing);
  }

  #add(entry) {
    const row = new EntryRow(entry.id, this.#menu);
    row.draw(entry, entry.id === this.#current);
    this.#shown.set(entry.id, row);
    this.#rows.append(row.item);
  }

  #clear() {
    this.#shown.clear();
    this.#rows.replaceChildren();
    this.#more.hidden = true;
    this.#note.textContent = "";
  }
}
