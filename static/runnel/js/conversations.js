// The list of conversations: titles as links, older ones on request, deletion after a question.

import { deleteConversation, listConversations } from "./api.js";
import { byId, element } from "./dom.js";
import { date } from "./format.js";

export class ConversationList {
  #list = byId("conversations");
  #older = byId("older");
  #dialog = byId("delete-dialog");
  #current;
  #before = null;
  #shown = "";

  /** @param {string} current  id of the conversation on the page, or "" */
  constructor(current) {
    this.#current = current;
    this.#older.addEventListener("click", () => this.#showOlder());
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
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
    remove.addEventListener("click", () => this.#ask(id, shown));
    return element("li", {}, link, remove);
  }

  #ask(id, title) {
    const problem = byId("delete-problem");
    byId("delete-title").textContent = title;
    problem.textContent = "";
    byId("delete-confirm").onclick = async () => {
      try {
        await deleteConversation(id);
      } catch (error) {
        if (error.code !== "not_found") {
          problem.textContent = error.message;
          return;
        }
      }
      this.#dialog.close();
      if (id === this.#current) location.assign("/");
      else await this.refresh();
    };
    this.#dialog.showModal();
  }
}
