// One row of the list: a conversation's title as a link, its state, and a button that opens its menu.

import { element } from "./dom.js";
import { date } from "./format.js";
import { titled } from "./words.js";

/** What a row's mark says, by the state that the server tells. */
const MARKS = {
  running: { kind: "live", words: " (not finished)" },
  waiting: { kind: "live waiting", words: " (waits for a decision)" },
  failed: { kind: "live failed", words: " (failed)" },
  unread: { kind: "live unread", words: " (new answer)" },
};

/** Return which mark an entry has, "" for none. */
export function markOf({ state, unread }) {
  if (["running", "waiting", "failed"].includes(state)) return state;
  return unread ? "unread" : "";
}

export class EntryRow {
  #title = element("span", { class: "title" });
  #mark = element("span");
  #excerpt = element("span", { class: "excerpt" });
  #link;
  #menu = element("button", { type: "button", class: "more", "aria-haspopup": "menu" }, "⋯");
  #drawn = "";

  /**
   * @param {string} id
   * @param {(row: EntryRow, button: HTMLElement) => void} openMenu
   */
  constructor(id, openMenu) {
    this.id = id;
    this.#link = element("a", { href: `/c/${id}/` }, this.#title, this.#mark);
    this.item = element("li", {}, this.#link, this.#menu);
    this.#menu.addEventListener("click", () => openMenu(this, this.#menu));
  }

  /** Show an entry; `isCurrent` if it is the conversation on the page. */
  draw(entry, isCurrent) {
    this.entry = entry;
    const mark = markOf(entry);
    const drawn = JSON.stringify([entry.title, entry.updated_at, entry.excerpt, entry.unread, mark, isCurrent]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const title = titled(entry.title);
    this.#title.textContent = title;
    this.#link.title = date(entry.updated_at);
    if (isCurrent) this.#link.setAttribute("aria-current", "page");
    else this.#link.removeAttribute("aria-current");
    this.item.classList.toggle("unread", Boolean(entry.unread) && !entry.active_run_id);
    this.#mark.className = MARKS[mark]?.kind ?? "";
    const words = MARKS[mark]?.words;
    this.#mark.replaceChildren(...(words ? [element("span", { class: "visually-hidden" }, words)] : []));
    this.#menu.setAttribute("aria-label", `Actions for “${title}”`);
    if (entry.excerpt) {
      this.#excerpt.textContent = entry.excerpt;
      this.#link.after(this.#excerpt);
    } else this.#excerpt.remove();
  }

  /** Let the title be edited in its place; `done` gets the new one, or null if it is to stay. */
  edit(done) {
    const field = element("input", { type: "text", maxlength: "80", class: "rename", "aria-label": "Title" });
    field.value = this.entry.title;
    let isOver = false;
    const end = (title) => {
      if (isOver) return;
      isOver = true;
      const hadFocus = field === document.activeElement;
      field.replaceWith(this.#link);
      if (hadFocus) this.#link.focus({ preventScroll: true });
      done(title);
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      event.preventDefault();
      event.stopPropagation();
      const title = field.value.trim();
      end(event.key === "Enter" && title && title !== this.entry.title ? title : null);
    });
    field.addEventListener("blur", () => {
      const title = field.value.trim();
      end(title && title !== this.entry.title ? title : null);
    });
    this.#link.replaceWith(field);
    field.focus();
    field.select();
  }

  focus() {
    this.#link.focus({ preventScroll: true });
  }
}
