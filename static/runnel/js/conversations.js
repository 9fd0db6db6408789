// The list of conversations: titles as links, newest first, older ones on request.
//
// What changes is drawn into what is there, so that the place in the list and the focus stay.

import { listConversations } from "./api.js";
import { Deletion } from "./deletion.js";
import { byId, element } from "./dom.js";
import { date } from "./format.js";
import { titled } from "./words.js";

function ageOf({ updated_at: moment }) {
  return new Date(moment).getTime();
}

export class ConversationList {
  #list = byId("conversations");
  #older = byId("older");
  #deletion = new Deletion((id) => this.#handlers.deleted(id));
  #handlers;
  #current;
  /** Without gaps from the newest one to the last that was asked for, by id. */
  #known = new Map();
  /** The place in the list after which older ones follow, or null. */
  #before = null;
  /** The one on the page as it was loaded: it may be older than all that are known. */
  #opened = null;
  /** What shows each: {item, link, remove, drawn}, by id. */
  #shown = new Map();
  #refreshing = null;
  #isStale = false;

  /**
   * @param {string} current  id of the conversation on the page, or ""
   * @param {{titled: Function, deleted: Function}} handlers
   *   `titled(title)` tells the current one's title, `deleted(id)` that the user deleted one here
   */
  constructor(current, handlers) {
    this.#current = current;
    this.#handlers = handlers;
    this.#older.addEventListener("click", () => this.#showOlder());
  }

  set current(id) {
    this.#current = id;
  }

  /** Ask for the newest ones, and once more if that was asked again meanwhile. */
  async refresh() {
    this.#isStale = true;
    this.#refreshing ??= this.#askWhileStale().finally(() => {
      this.#refreshing = null;
    });
    await this.#refreshing;
  }

  /** Show the conversation on the page, however old it is. */
  open({ id, title, updated_at, runs }) {
    const isFirst = this.#opened === null;
    const active = runs.find((run) => run.finished_at === null);
    const { id: active_run_id = null, status: active_run_status = null } = active ?? {};
    this.#opened = { id, title, updated_at, active_run_id, active_run_status };
    this.#draw();
    if (isFirst) this.#shown.get(id).item.scrollIntoView({ block: "nearest" });
  }

  /** Take out one that is gone. */
  remove(id) {
    this.#known.delete(id);
    if (this.#opened?.id === id) this.#opened = null;
    this.#draw();
  }

  async #askWhileStale() {
    while (this.#isStale) {
      this.#isStale = false;
      const { conversations, before } = await listConversations();
      this.#take(conversations, before);
      const current = this.#known.get(this.#current);
      if (current) this.#handlers.titled(current.title);
    }
  }

  // The older pages that were opened stay, unless so much is new that a part between is missing.
  #take(conversations, before) {
    const ids = new Set(conversations.map(({ id }) => id));
    const known = [...this.#known.values()];
    const end = before === null ? -Infinity : ageOf(conversations.at(-1));
    const isGap = known.every((each) => ageOf(each) < end);
    const older = isGap ? [] : known.filter((each) => ageOf(each) <= end && !ids.has(each.id));
    this.#known = new Map([...conversations, ...older].map((each) => [each.id, each]));
    if (!older.length) this.#before = before;
    this.#draw();
  }

  async #showOlder() {
    const { conversations, before } = await listConversations(this.#before);
    for (const each of conversations) if (!this.#known.has(each.id)) this.#known.set(each.id, each);
    this.#before = before;
    this.#draw();
  }

  #draw() {
    const all = [...this.#known.values()];
    if (this.#opened && !this.#known.has(this.#opened.id)) all.push(this.#opened);
    all.sort((one, other) => ageOf(other) - ageOf(one));
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    const items = all.map((each) => this.#drawOne(each));
    const ids = new Set(all.map(({ id }) => id));
    for (const [id, { item }] of this.#shown) {
      if (ids.has(id)) continue;
      item.remove();
      this.#shown.delete(id);
    }
    let next = this.#list.firstElementChild;
    for (const item of items) {
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
    // One that was moved up has lost it.
    if (this.#list.contains(focused)) focused.focus({ preventScroll: true });
    this.#older.hidden = this.#before === null;
  }

  #drawOne(conversation) {
    const { id, title, updated_at, active_run_id, active_run_status: status } = conversation;
    const shown = this.#shown.get(id) ?? this.#make(id);
    const isCurrent = id === this.#current;
    const drawn = JSON.stringify([title, updated_at, active_run_id, status, isCurrent]);
    if (drawn === shown.drawn) return shown.item;
    shown.drawn = drawn;
    shown.title = titled(title);
    shown.isLive = active_run_id !== null;
    shown.link.title = date(updated_at);
    if (isCurrent) shown.link.setAttribute("aria-current", "page");
    else shown.link.removeAttribute("aria-current");
    shown.link.replaceChildren(element("span", { class: "title" }, shown.title));
    if (shown.isLive) {
      const isWaiting = status === "awaiting_approval";
      const words = isWaiting ? " (waits for a decision)" : " (not finished)";
      const hidden = element("span", { class: "visually-hidden" }, words);
      shown.link.append(element("span", { class: isWaiting ? "live waiting" : "live" }, hidden));
    }
    shown.remove.setAttribute("aria-label", `Delete “${shown.title}”`);
    return shown.item;
  }

  #make(id) {
    const link = element("a", { href: `/c/${id}/` });
    const remove = element("button", { type: "button", class: "remove" }, "×");
    const shown = { item: element("li", {}, link, remove), link, remove };
    remove.addEventListener("click", () => {
      this.#deletion.ask({ id, title: shown.title, isLive: shown.isLive });
    });
    this.#shown.set(id, shown);
    return shown;
  }
}
