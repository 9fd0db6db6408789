// What is known of the conversations in the list: it is read in parts, and each change is told.
//
// Changes are told while a part is read, too. What was told then is newer than what was read, unless its age says otherwise.

import { listConversations } from "./api.js";
import { ageOf } from "./listgroups.js";

/** Pages of one folder that are read at most when it is opened. */
const FOLDER_PAGES = 10;

export class KnownConversations {
  /** Without gaps from the newest one to the last that was asked for, and what else is known, by id. */
  #known = new Map();
  /** Ids of pinned ones and of those in opened folders: they may be older than all others that are known. */
  #extra = new Set();
  #folders = [];
  #readFolders = new Set();
  /** The place in the list after which older ones follow, or null. */
  #before = null;
  /** The one on the page as it was loaded: it may be older than all that are known. */
  #opened = null;
  #readings = 0;
  /** Entries that were told since the oldest reading under way was begun, by id. */
  #told = new Map();
  /** Ids of those that were deleted: a reading that was begun before still has them. */
  #gone = new Set();
  /** Those that were gone when the oldest reading under way was begun: no reading has them any more. */
  #goneBefore = new Set();

  /** The names of all folders. */
  get folders() {
    const used = this.entries.map(({ folder }) => folder);
    return [...new Set([...this.#folders, ...used])].filter(Boolean).sort((one, other) => one.localeCompare(other, "en"));
  }

  /** The names of the folders that the server has told, also of empty ones. */
  get toldFolders() {
    return this.#folders;
  }

  get entries() {
    return [...this.#known.values()];
  }

  /** What the list shows: all entries, and the one on the page unless it is archived. */
  get shown() {
    const isMissing = this.#opened && isListed(this.#opened) && !this.#known.has(this.#opened.id);
    return isMissing ? [...this.entries, this.#opened] : this.entries;
  }

  /** Whether there are older ones to be read. */
  get hasOlder() {
    return this.#before !== null;
  }

  /** Whether a conversation is on the page. */
  get isOpen() {
    return this.#opened !== null;
  }

  /** Return what is known of a conversation, or undefined. */
  entry(id) {
    return this.#known.get(id) ?? (this.#opened?.id === id ? this.#opened : undefined);
  }

  /** Take an entry that has changed, as the server tells it. */
  take(entry) {
    // Deleting can be undone.
    if (entry.deleted) this.#miss(entry.id);
    else this.#gone.delete(entry.id);
    this.#told.set(entry.id, entry);
    this.#keep(entry);
    if (this.#opened?.id === entry.id) this.#opened = entry.deleted ? null : entry;
    if (entry.pinned || entry.shared_by) this.#extra.add(entry.id);
  }

  /** Take the conversation on the page, however old it is. Return false if it was deleted. */
  open({ id, title, updated_at, pinned = false, archived = false, folder = "", runs, shared }) {
    if (this.#gone.has(id)) return false;
    const active = runs.find((run) => run.finished_at === null);
    const { id: active_run_id = null, status: active_run_status = null } = active ?? {};
    const state = !active ? "idle" : active_run_status === "awaiting_approval" ? "waiting" : "running";
    const { unread = false } = this.#known.get(id) ?? {};
    this.#opened = { id, title, updated_at, pinned, archived, folder, unread, shared_by: shared?.owner, state, active_run_id };
    return true;
  }

  /** Take that another page is shown. */
  leave() {
    this.#opened = null;
  }

  /** Take out one that is gone. */
  remove(id) {
    this.#miss(id);
    this.#told.delete(id);
    this.#forget(id);
  }

  /** Read the newest ones, and the folders that are not among `shut`. */
  readNewest(shut) {
    return this.#read(async () => {
      const { conversations, before, pinned = [], folders = [], shared = [] } = await listConversations();
      this.#folders = folders;
      for (const { id } of [...pinned, ...shared]) this.#extra.add(id);
      this.#replaceNewest(conversations, before);
      for (const each of [...pinned, ...shared]) this.#known.set(each.id, each);
      for (const name of this.#readFolders) if (!folders.includes(name)) this.#readFolders.delete(name);
      // A folder that could not be read is read with the next look.
      await Promise.allSettled(folders.filter((name) => !shut.has(name)).map((name) => this.#addFolder(name)));
    });
  }

  /** Read the page that follows the oldest ones. */
  readOlder() {
    return this.#read(async () => {
      const place = this.#before;
      const { conversations, before } = await listConversations({ before: place });
      // So much was new meanwhile that these do not follow what is known.
      if (this.#before !== place) return;
      for (const each of conversations) if (!this.#known.has(each.id)) this.#known.set(each.id, each);
      this.#before = before;
    });
  }

  /** Read a folder, unless that was done. */
  async readFolder(name) {
    if (!this.#readFolders.has(name)) await this.#read(() => this.#addFolder(name));
  }

  /** Read a part with `add`. What was told meanwhile stays as it was told, and what was deleted meanwhile stays away. */
  async #read(add) {
    if (this.#readings === 0) {
      this.#told.clear();
      this.#goneBefore = new Set(this.#gone);
    }
    this.#readings += 1;
    try {
      await add();
    } finally {
      this.#readings -= 1;
      for (const entry of this.#told.values()) if (!this.#isOlder(entry)) this.#keep(entry);
      for (const id of this.#gone) if (!this.#goneBefore.has(id)) this.#forget(id);
      if (this.#readings === 0) for (const id of this.#goneBefore) this.#gone.delete(id);
    }
  }

  #isOlder(entry) {
    const known = this.#known.get(entry.id);
    return known !== undefined && ageOf(entry) < ageOf(known);
  }

  #keep(entry) {
    if (!isListed(entry)) {
      this.#known.delete(entry.id);
      this.#extra.delete(entry.id);
    } else if (this.entry(entry.id) || this.#belongs(entry)) {
      this.#known.set(entry.id, entry);
    }
  }

  // The older pages that were read stay, unless so much is new that a part between is missing.
  #replaceNewest(conversations, before) {
    const ids = new Set(conversations.map(({ id }) => id));
    const end = before === null ? -Infinity : ageOf(conversations.at(-1));
    const others = this.entries.filter(({ id }) => !this.#extra.has(id));
    const isGap = others.every((each) => ageOf(each) < end);
    const older = this.entries.filter((each) => {
      return !ids.has(each.id) && (this.#extra.has(each.id) || (!isGap && ageOf(each) <= end));
    });
    this.#known = new Map([...conversations, ...older].map((each) => [each.id, each]));
    if (isGap || !older.some(({ id }) => !this.#extra.has(id))) this.#before = before;
  }

  async #addFolder(name) {
    this.#readFolders.add(name);
    let before = null;
    for (let page = 0; page < FOLDER_PAGES; page++) {
      const read = await listConversations({ folder: name, before }).catch((error) => {
        this.#readFolders.delete(name);
        throw error;
      });
      for (const each of read.conversations) {
        this.#extra.add(each.id);
        this.#known.set(each.id, each);
      }
      before = read.before;
      if (before === null) return;
    }
  }

  #miss(id) {
    this.#gone.add(id);
    this.#goneBefore.delete(id);
  }

  #forget(id) {
    this.#known.delete(id);
    this.#extra.delete(id);
    if (this.#opened?.id === id) this.#opened = null;
  }

  // One that is older than what was asked for comes with its page.
  #belongs(entry) {
    if (!this.hasOlder || entry.pinned || entry.shared_by || this.#readFolders.has(entry.folder)) return true;
    const ages = this.entries.filter(({ id }) => !this.#extra.has(id)).map(ageOf);
    return ages.length === 0 || ageOf(entry) >= Math.min(...ages);
  }
}

function isListed({ deleted, archived }) {
  return !deleted && !archived;
}
