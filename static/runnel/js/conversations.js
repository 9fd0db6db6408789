// The list of conversations: pinned ones, folders, then by age; older ones on request.
//
// The server tells each entry that changes. What changes is drawn into what is there, so that the place in the list
// and the focus stay.

import { byId, element } from "./dom.js";
import { EntryRow } from "./entryrow.js";
import { KnownConversations } from "./known.js";
import { groupsOf } from "./listgroups.js";

/** Where this browser keeps the names of the folders that are shut. */
const SHUT_KEY = "runnel.shut-folders";

export class ConversationList {
  #list = byId("conversations");
  #older = byId("older");
  #handlers;
  #current;
  #known = new KnownConversations();
  /** @type {Map<string, EntryRow>} */
  #rows = new Map();
  /** What shows each group: {section, title, list}, by its key. */
  #groups = new Map();
  #shut = new Set(JSON.parse(localStorage.getItem(SHUT_KEY) ?? "[]"));
  #refreshing = null;
  #isStale = false;

  /**
   * @param {string} current  id of the conversation on the page, or ""
   * @param {{menu: Function, folderMenu: Function, changed: Function}} handlers
   *   `menu(row, button)` opens what can be done with a conversation, `folderMenu(name, button)` with a folder;
   *   `changed(entry, before)` tells that an entry has changed; `before` is null if it was not known
   */
  constructor(current, handlers) {
    this.#current = current;
    this.#handlers = handlers;
    this.#older.addEventListener("click", () => this.#showOlder());
  }

  get current() {
    return this.#current;
  }

  set current(id) {
    if (id === this.#current) return;
    this.#current = id;
    this.#known.leave();
    this.#draw();
    this.#rows.get(id)?.item.scrollIntoView({ block: "nearest" });
  }

  /** The names of all folders. */
  get folders() {
    return this.#known.folders;
  }

  /** All entries that are known. */
  get entries() {
    return this.#known.entries;
  }

  /** Return what is known of a conversation, or undefined. */
  entry(id) {
    return this.#known.entry(id);
  }

  /** Return the row that shows a conversation, or undefined. */
  row(id) {
    return this.#rows.get(id);
  }

  /** Ask for the newest ones, and once more if that was asked again meanwhile. */
  async refresh() {
    this.#isStale = true;
    this.#refreshing ??= this.#askWhileStale().finally(() => {
      this.#refreshing = null;
    });
    await this.#refreshing;
  }

  /** Take an entry that has changed, as the server tells it. */
  take(entry) {
    const before = this.entry(entry.id) ?? null;
    this.#known.take(entry);
    this.#draw();
    this.#handlers.changed(entry, before);
    // The folder that it was in may be gone.
    if (before?.folder && before.folder !== entry.folder) this.refresh().catch(() => {});
  }

  /** Show the conversation on the page, however old it is. */
  open(stored) {
    const isFirst = !this.#known.isOpen;
    if (!this.#known.open(stored)) return;
    this.#draw();
    if (isFirst) this.#rows.get(stored.id)?.item.scrollIntoView({ block: "nearest" });
  }

  /** Take out one that is gone. */
  remove(id) {
    this.#known.remove(id);
    this.#draw();
  }

  // A folder that is known stays, also when it is empty.
  async #askWhileStale() {
    while (this.#isStale) {
      this.#isStale = false;
      await this.#known.readNewest(this.#shut);
      this.#draw();
      const current = this.entries.find(({ id }) => id === this.#current);
      if (current) this.#handlers.changed(current, null);
    }
  }

  async #showOlder() {
    await this.#known.readOlder();
    this.#draw();
  }

  #draw() {
    const all = this.#known.shown;
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    const groups = groupsOf(all, this.#known.toldFolders, Date.now());
    const ids = new Set(all.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.item.remove();
      this.#rows.delete(id);
    }
    const sections = groups.map((group) => this.#drawGroup(group));
    for (const [key, { section }] of this.#groups) {
      if (sections.includes(section)) continue;
      section.remove();
      this.#groups.delete(key);
    }
    inOrder(this.#list, sections);
    // One that was moved has lost it.
    if (this.#list.contains(focused)) focused.focus({ preventScroll: true });
    this.#older.hidden = !this.#known.hasOlder;
  }

  #drawGroup({ key, title, isFolder, entries }) {
    if (!this.#groups.has(key)) this.#groups.set(key, this.#makeGroup(key, title, isFolder));
    const { section, list } = this.#groups.get(key);
    inOrder(list, entries.map((entry) => this.#drawOne(entry)));
    return section;
  }

  #makeGroup(key, title, isFolder) {
    const list = element("ul", { "aria-label": title });
    if (!isFolder) return { section: element("section", {}, element("h2", {}, title), list), list };
    const more = element("button", { type: "button", class: "more", "aria-haspopup": "menu" }, "⋯");
    more.setAttribute("aria-label", `Actions for the folder “${title}”`);
    more.addEventListener("click", () => this.#handlers.folderMenu(title, more));
    const summary = element("summary", {}, element("span", { class: "title" }, title));
    const details = element("details", { open: !this.#shut.has(title) }, summary, list);
    details.addEventListener("toggle", () => this.#folderToggled(title, details.open));
    return { section: element("section", { class: "folder" }, details, more), list };
  }

  #folderToggled(name, isOpen) {
    if (isOpen) this.#shut.delete(name);
    else this.#shut.add(name);
    localStorage.setItem(SHUT_KEY, JSON.stringify([...this.#shut]));
    // Without an answer the folder shows what is known; the next look tries again.
    if (isOpen) this.#known.readFolder(name).then(() => this.#draw()).catch(() => {});
  }

  #drawOne(entry) {
    const { id } = entry;
    if (!this.#rows.has(id)) this.#rows.set(id, new EntryRow(id, this.#handlers.menu));
    const row = this.#rows.get(id);
    row.draw(entry, id === this.#current);
    return row.item;
  }
}

/** Make `items` the children of `list`, in this order, and move only those that stand elsewhere. */
function inOrder(list, items) {
  let next = list.firstElementChild;
  for (const item of items) {
    if (item === next) next = next.nextElementSibling;
    else list.insertBefore(item, next);
  }
}
