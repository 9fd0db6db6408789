// The side of the page: the list of conversations, the search, what can be done with each, and who is told of it.

import { Alerts } from "./alerts.js";
import { changeConversation } from "./api.js";
import { ConversationList } from "./conversations.js";
import { setUpDrawer } from "./drawer.js";
import { Finder } from "./finder.js";
import { ListActions } from "./listactions.js";

export class Sidebar {
  #handlers;
  #drawer = setUpDrawer();
  #alerts;
  #actions;
  #list;
  #finder;
  /** Whether the conversation on the page was deleted. */
  #isGone = false;

  /**
   * @param {string} current  id of the conversation on the page, or ""
   * @param {{go: (address: string) => void, titled: (title: string) => void, gone: (id: string) => void, back: () => void}} handlers
   *   `go` shows another conversation, `titled` tells the title of the one on the page, `gone` that it was deleted,
   *   `back` that it is there again
   */
  constructor(current, handlers) {
    this.#handlers = handlers;
    const menu = (row, button) => this.#actions.menu(row, button);
    this.#alerts = new Alerts((id) => handlers.go(`/c/${id}/`));
    this.#list = new ConversationList(current, {
      menu,
      folderMenu: (name, button) => this.#actions.folderMenu(name, button),
      changed: (entry, before) => this.#changed(entry, before),
    });
    this.#actions = new ListActions(this.#list, handlers.go);
    this.#finder = new Finder(menu);
    addEventListener("focus", () => this.refresh());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.refresh();
      this.#markSeen();
    });
  }

  /** The conversation on the page, or "". */
  set current(id) {
    this.#isGone = false;
    this.#list.current = id;
    this.#finder.current = id;
    this.#markSeen();
  }

  /** The title of what is on the page, as the tab shows it. */
  set title(title) {
    this.#alerts.title = title;
  }

  /** Return the title of a conversation, "" if it is not known. */
  titleOf(id) {
    return this.#list.entry(id)?.title ?? "";
  }

  /** Take an entry that has changed, as the server tells it. */
  take(entry) {
    this.#list.take(entry);
    this.#finder.take(entry);
  }

  /** Show the conversation on the page, however old it is, as it is stored. */
  open(stored) {
    this.#list.open(stored);
  }

  /** Take out a conversation that is gone. */
  remove(id) {
    this.#list.remove(id);
  }

  /** Bring the list up to date. */
  refresh() {
    this.#list.refresh().catch(() => {
      // The list stays as it is; the next look brings it up to date.
    });
  }

  /** Let the user search. */
  search() {
    this.#drawer.open();
    this.#finder.focus();
  }

  /** Make room for the conversation, where the list lies over it. */
  close() {
    this.#drawer.close();
  }

  #changed(entry, before) {
    this.#alerts.changed(entry, before);
    this.#alerts.count(this.#list.entries.filter(({ id }) => id !== this.#list.current || document.hidden));
    if (entry.id !== this.#list.current) return;
    if (entry.deleted) {
      this.#isGone = true;
      this.#handlers.gone(entry.id);
    } else if (this.#isGone) {
      this.#handlers.back();
    } else {
      this.#handlers.titled(entry.title);
      this.#markSeen();
    }
  }

  /** Tell the server that the user has seen what is on the page. */
  #markSeen() {
    const entry = this.#list.entry(this.#list.current);
    if (!entry?.unread || entry.shared_by || entry.active_run_id || document.hidden) return;
    // Of no importance: what is unread is told again.
    changeConversation(entry.id, { seen: true }).then((seen) => this.take(seen)).catch(() => {});
  }
}
