// From one conversation to another without loading the page: the address changes, back and forward work.

/** The addresses of the page: empty, or of a conversation. */
const CONVERSATION = /^\/c\/([0-9a-f-]{36})\/$/;

/** Return the conversation that a path names, "" for none, or null if it leads to another page. */
function conversationOf(path) {
  return path === "/" ? "" : (CONVERSATION.exec(path)?.[1] ?? null);
}

export class Navigation {
  #show;

  /** @param {(id: string) => void} show  shows a conversation, or none with "" */
  constructor(show) {
    this.#show = show;
    document.addEventListener("click", (event) => this.#clicked(event));
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
