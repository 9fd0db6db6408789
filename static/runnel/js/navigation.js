// From one conversation to another without loading the page: the address changes, back and forward work.

/** The addresses of the page: empty, or of a conversation. */
const CONVERSATION = /^\/c\/([0-9a-f-]{36})\/$/;

/** Return the conversation that a path names, "" for none, or null if it leads to another page. */
function conversationOf(path) {
  return path === "/" ? "" : (CONVERSATION.exec(path)?.[1] ?? null);
}

/** Milliseconds after which somebody who points at a conversation is about to choose it. */
const POINTED = 60;

export class Navigation {
  #show;
  #soon;
  #timer = 0;

  /**
   * @param {{show: (id: string) => void, soon: (id: string) => void}} handlers
   *   `show` shows a conversation, or none with ""; `soon` is told of one that is likely to be chosen next
   */
  constructor({ show, soon }) {
    this.#show = show;
    this.#soon = soon;
    document.addEventListener("click", (event) => this.#clicked(event));
    document.addEventListener("pointerover", (event) => this.#pointed(event, POINTED), { passive: true });
    document.addEventListener("pointerdown", (event) => this.#pointed(event, 0), { passive: true });
    addEventListener("popstate", () => {
      const id = conversationOf(location.pathname);
      if (id !== null) this.#show(id);
    });
  }

  /** Show what is at an address of the page. */
  go(path) {
    if (path !== location.pathname) history.pushState(null, "", path);
    this.#show(conversationOf(path) ?? "");
  }

  /** Say that what is on the page has another address now. */
  replace(path) {
    history.replaceState(null, "", path);
  }

  #pointed({ target }, wait) {
    clearTimeout(this.#timer);
    const link = target.closest?.("a[href]");
    const id = link?.origin === location.origin ? conversationOf(link.pathname) : null;
    if (id) this.#timer = setTimeout(() => this.#soon(id), wait);
  }

  // A click with a key or another button opens a tab, as everywhere.
  #clicked(event) {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.("a[href]");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (conversationOf(link.pathname) === null || link.search || link.hash) return;
    event.preventDefault();
    this.go(link.pathname);
  }
}
