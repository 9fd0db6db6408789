// The list of conversations: pinned ones, folders, then by age; older ones on request.
//
// The server tells each entry that changes. What changes is drawn into what is there, so that the place in the list
// and the focus stay.

import { listConversations } from "./api.js";
import { byId, element } from "./dom.js";
import { EntryRow } from "./entryrow.js";
import { ageOf, groupsOf } from "./listgroups.js";

/** Where this browser keeps the names of the folders that are shut. */
const SHUT_KEY = "runnel.shut-folders";
/** Pages of one folder that are read at most when it is opened. */
const FOLDER_PAGES = 10;

export class ConversationList {
  #list = byId("conversations");
  #older = byId("older");
  #handlers;
  #current;
  /** Without gaps from the newest one to the last that was asked for, and what else is known, by id. */
  #known = new Map();
  /** Ids of pinned ones and of those in opened folders: they may be older than all others that are known. */
  #extra = new Set();
  #folders = [];
  /** The place in the list after which older ones follow, or null. */
  #before = null;
  /** The one on the page as it was loaded: it may be older than all that are known. */
  #opened = null;
  /** @type {Map<string, EntryRow>} */
  #rows = new Map();
  /** What shows each group: {section, title, list}, by its key. */
  #groups = new Map();
  #shut = new Set(JSON.parse(localStorage.getItem(SHUT_KEY) ?? "[]"));
  #loadedFolders = new Set();
  /** Ids of those that were deleted: a reading that was begun before still has them. */
  #gone = new Set();
  /** Entries that were told since the last reading was begun, by id: it may be older than they are. */
  #told = new Map();
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
    this.#opened = null;
    this.#draw();
    this.#rows.get(id)?.item.scrollIntoView({ block: "nearest" });
  }

  /** The names of all folders. */
  get folders() {
    const used = [...this.#known.values()].map(({ folder }) => folder);
    return [...new Set([...this.#folders, ...used])].filter(Boolean).sort((one, other) => one.localeCompare(other, "en"));
  }

  /** All entries that are known. */
  get entries() {
    return [...this.#known.values()];
  }

  /** Return what is known of a conversation, or undefined. */
  entry(id) {
    return this.#known.get(id) ?? (this.#opened?.id === id ? this.#opened : undefined);
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
    // Deleting can be undone.
    if (entry.deleted) this.#gone.add(entry.id);
    else this.#gone.delete(entry.id);
    this.#told.set(entry.id, entry);
    this.#keep(entry);
    if (this.#opened?.id === entry.id && !entry.deleted) this.#opened = entry;
    if (entry.pinned || entry.shared_by) this.#extra.add(entry.id);
    this.#draw();
    this.#handlers.changed(entry, before);
  }

  /** Show the conversation on the page, however old it is. */
  open({ id, title, updated_at, runs, shared }) {
    if (this.#gone.has(id)) return;
    const isFirst = this.#opened === null;
    const active = runs.find((run) => run.finished_at === null);
    const { id: active_run_id = null, status: active_run_status = null } = active ?? {};
    const state = !active ? "idle" : active_run_status === "awaiting_approval" ? "waiting" : "running";
    this.#opened = { pinned: false, folder: "", unread: false, shared_by: shared?.owner, ...this.#known.get(id), id, title, updated_at, state, active_run_id };
    this.#draw();
    if (isFirst) this.#rows.get(id)?.item.scrollIntoView({ block: "nearest" });
  }

  /** Take out one that is gone. */
  remove(id) {
    this.#gone.add(id);
    this.#told.delete(id);
    this.#forget(id);
    this.#draw();
  }

  #keep(entry) {
    if (entry.deleted || entry.archived) this.#forget(entry.id);
    else if (this.entry(entry.id) || this.#belongs(entry)) this.#known.set(entry.id, entry);
  }

  // A folder that is known stays, also when it is empty.
  async #askWhileStale() {
    while (this.#isStale) {
      this.#isStale = false;
      const goneBefore = new Set(this.#gone);
      this.#told.clear();
      const { conversations, before, pinned = [], folders = [], shared = [] } = await listConversations();
      this.#folders = folders;
      for (const { id } of [...pinned, ...shared]) this.#extra.add(id);
      this.#take(conversations, before);
      for (const each of [...pinned, ...shared]) this.#known.set(each.id, each);
      for (const name of this.#loadedFolders) if (!folders.includes(name)) this.#loadedFolders.delete(name);
      await Promise.all(folders.map((name) => this.#loadFolder(name, { again: true })));
      for (const id of goneBefore) this.#gone.delete(id);
      this.#forgetGone();
      for (const entry of this.#told.values()) this.#keep(entry);
      this.#draw();
      const current = this.#known.get(this.#current);
      if (current) this.#handlers.changed(current, null);
    }
  }

  // The older pages that were opened stay, unless so much is new that a part between is missing.
  #take(conversations, before) {
    const ids = new Set(conversations.map(({ id }) => id));
    const known = [...this.#known.values()];
    const end = before === null ? -Infinity : ageOf(conversations.at(-1));
    const others = known.filter(({ id }) => !this.#extra.has(id));
    const isGap = others.every((each) => ageOf(each) < end);
    const older = known.filter((each) => {
      return !ids.has(each.id) && (this.#extra.has(each.id) || (!isGap && ageOf(each) <= end));
    });
    this.#known = new Map([...conversations, ...older].map((each) => [each.id, each]));
    if (isGap || !older.some(({ id }) => !this.#extra.has(id))) this.#before = before;
  }

  async #showOlder() {
    const { conversations, before } = await listConversations({ before: this.#before });
    for (const each of conversations) if (!this.#known.has(each.id)) this.#known.set(each.id, each);
    this.#forgetGone();
    this.#before = before;
    this.#draw();
  }

  async #loadFolder(name, { again = false } = {}) {
    if (this.#shut.has(name) || (this.#loadedFolders.has(name) && !again)) return;
    this.#loadedFolders.add(name);
    let before = null;
    for (let page = 0; page < FOLDER_PAGES; page++) {
      const read = await listConversations({ folder: name, before });
      for (const each of read.conversations) {
        this.#extra.add(each.id);
        this.#known.set(each.id, each);
      }
      before = read.before;
      if (before === null) return;
    }
  }

  #forgetGone() {
    for (const id of this.#gone) this.#forget(id);
  }

  #forget(id) {
    this.#known.delete(id);
    this.#extra.delete(id);
    if (this.#opened?.id === id) this.#opened = null;
  }

  // One that is older than what was asked for comes with its page.
  #belongs(entry) {
    if (this.#before === null || entry.pinned || entry.shared_by || this.#loadedFolders.has(entry.folder)) return true;
    const ages = [...this.#known.values()].filter(({ id }) => !this.#extra.has(id)).map(ageOf);
    return ageOf(entry) >= Math.min(...ages);
  }

  #draw() {
    const all = [...this.#known.values()];
    if (this.#opened && !this.#known.has(this.#opened.id)) all.push(this.#opened);
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    const groups = groupsOf(all, this.#folders, Date.now());
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
    this.#older.hidden = this.#before === null;
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
    if (isOpen) this.#loadFolder(name).then(() => this.#draw()).catch(() => this.#loadedFolders.delete(name));
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
