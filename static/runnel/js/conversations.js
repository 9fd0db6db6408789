// The list of conversations: titles as links, older ones on request.

import { listConversations } from "./api.js";
import { Deletion } from "./deletion.js";
import { byId, element } from "./dom.js";
import { date } from "./format.js";

export class ConversationList {
  #list = byId("conversations");
  #older = byId("older");
  #deletion = new Deletion((id) => this.#deleted(id));
  #current;
  #before = null;
  #shown = "";

  /** @param {string} current  id of the conversation on the page, or "" */
  constructor(current) {
    this.#current = current;
    this.#older.addEventListener("click", () => this.#showOlder());
  }

  set current(id) {
    this.#current = id;
  }

  /** Show the newest ones as they are now. Older pages that were opened are folded again. */
  async refresh() {
    const { conversations, before } = await listConversations();
    const shown = JSON.stringify([this.#current, conversations]);
    // Nothing new: leave the focus and the opened pages where they are.
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#list.replaceChildren(...conversations.map((each) => this.#item(each)));
    this.#continueAt(before);
    const current = conversations.find(({ id }) => id === this.#current);
    if (current) document.title = `${current.title || "Untitled"} · Runnel`;
  }

  async #showOlder() {
    const { conversations, before } = await listConversations(this.#before);
    this.#list.append(...conversations.map((each) => this.#item(each)));
    this.#continueAt(before);
  }

  #continueAt(before) {
    this.#before = before;
    this.#older.hidden = before === null;
  }

  #item({ id, title, updated_at, active_run_id }) {
    const shown = title || "Untitled";
    const isCurrent = id === this.#current;
    const link = element(
      "a",
      { href: `/c/${id}/`, title: date(updated_at), ...(isCurrent && { "aria-current": "page" }) },
      shown,
    );
    if (active_run_id) {
      link.append(element("span", { class: "live" }, element("span", { class: "visually-hidden" }, " (answering)")));
    }
    const remove = element("button", { type: "button", class: "remove", "aria-label": `Delete “${shown}”` }, "×");
    remove.addEventListener("click", () => {
      this.#deletion.ask({ id, title: shown, isLive: active_run_id !== null });
    });
    return element("li", {}, link, remove);
  }

  #deleted(id) {
    if (id === this.#current) {
      location.assign("/");
      return;
    }
    this.refresh().catch(() => {
      // It stays in the list until the next refresh.
    });
  }
}
