// The dialog in which a conversation is shared: by a link, or with a user; and in which that is taken back.

import { changeShare, listShares, makeShare, revokeShare } from "./api.js";
import { copy } from "./clipboard.js";
import { element } from "./dom.js";
import { date } from "./format.js";
import { shown } from "./hidden.js";
import { titled } from "./words.js";

function button(words, look, act) {
  const made = element("button", { type: "button", class: look }, words);
  made.addEventListener("click", act);
  return made;
}

function checkbox(words, isChecked, changed) {
  const box = element("input", { type: "checkbox", checked: isChecked });
  box.addEventListener("change", () => changed(box.checked));
  return element("label", {}, box, ` ${words}`);
}

class Sharing {
  #id;
  #list = element("ul", { "aria-label": "Who may look" });
  #problem = element("p", { class: "problem", role: "alert" });
  #made = element("div");
  #dialog;

  constructor({ id, title }) {
    this.#id = id;
    const name = element("input", { type: "text", placeholder: "Name of a user", "aria-label": "Name of a user", autocomplete: "off", maxlength: "150" });
    const add = () => this.#do(async () => {
      if (!name.value.trim()) return;
      await makeShare(id, { username: name.value.trim() });
      name.value = "";
    });
    name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      add();
    });
    this.#dialog = element(
      "dialog",
      { id: "share-dialog", "aria-labelledby": "share-title" },
      element("h2", { id: "share-title" }, "Share ", element("bdi", {}, `“${titled(title)}”`)),
      element("p", { class: "helptext" }, "Others read along, live. They cannot write here, and what you add later they see too."),
      element("h3", {}, "With a user"),
      element("div", { class: "line" }, name, button("Share", "primary", add)),
      element("h3", {}, "By a link"),
      element("p", { class: "helptext" }, "Whoever has the link can read, without signing in. It is shown only once."),
      button("Make a link", "quiet", () => this.#do(() => this.#makeLink())),
      this.#made,
      element("h3", {}, "Who may look"),
      this.#list,
      this.#problem,
      element("form", { method: "dialog" }, element("button", { class: "quiet" }, "Close")),
    );
    this.#dialog.addEventListener("close", () => this.#dialog.remove());
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#do(() => {});
  }

  /** Do something, then show what is shared now. */
  async #do(act) {
    this.#problem.textContent = "";
    try {
      await act();
      const { shares } = await listShares(this.#id);
      this.#list.replaceChildren(...shares.map((share) => this.#row(share)));
      if (!shares.length) this.#list.append(element("li", {}, "Nobody but you."));
    } catch (error) {
      this.#problem.textContent = error.message;
    }
  }

  async #makeLink() {
    const { url } = await makeShare(this.#id, {});
    const field = element("input", { type: "text", readonly: true, "aria-label": "The link" });
    field.value = url;
    const copies = button("Copy", "primary", () => copy(url, copies));
    this.#made.replaceChildren(element("div", { class: "line" }, field, copies));
    field.focus();
    field.select();
  }

  #row({ id, kind, username, may_stop: mayStop, created_at: moment }) {
    const who = kind === "link" ? `Link of ${date(moment)}` : shown(username);
    const may = checkbox("may stop answers", mayStop, (isChecked) => this.#do(() => changeShare(id, { may_stop: isChecked })));
    const revoke = button("Revoke", "link", () => this.#do(() => revokeShare(id)));
    revoke.setAttribute("aria-label", `Revoke: ${who}`);
    return element("li", {}, element("bdi", {}, who), may, revoke);
  }
}

/** Open the dialog for a conversation of the list. */
export function openSharing(entry) {
  return new Sharing(entry);
}
