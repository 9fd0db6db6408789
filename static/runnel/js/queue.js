// What is written and not sent yet: messages that wait for the answer under way, the same in every tab.

import { readConversation } from "./api.js";
import { byId, element } from "./dom.js";
import { shown } from "./hidden.js";
import { iconButton } from "./icons.js";
import { askForModel } from "./modelfield.js";

/** What a queued message says of itself. */
const STEERS = "Read at the next step";

/** Return the words and the files of a queued message. `text` is its beginning, `input` all of it where that is short. */
function partsOf({ input, text }) {
  if (!input) return { text, files: [] };
  const parts = input.flatMap(({ content }) => (typeof content === "string" ? [{ type: "text", text: content }] : content));
  const words = parts.filter(({ type }) => type === "text").map((part) => part.text);
  return { text: words.join("\n\n"), files: parts.filter(({ type }) => type !== "text") };
}

export class Queue {
  #section = byId("queue");
  #list = byId("queue-list");
  #paused = byId("queue-paused");
  #commands;
  #report;
  #conversation = "";
  #items = [];
  /** The id of the one that is being changed, or "". */
  #edited = "";

  /** @param {{change: (frame: object) => Promise<object>, report: (error: object) => void}} options */
  constructor({ change, report }) {
    this.#commands = change;
    this.#report = report;
    byId("queue-resume").addEventListener("click", () => {
      this.#ask({ type: "queue_resume", conversation_id: this.#conversation });
    });
  }

  /** Whether nothing waits. */
  get isEmpty() {
    return this.#items.length === 0;
  }

  /** Whether what waits is held until somebody lets it go on. */
  get isPaused() {
    return !this.isEmpty && !this.#paused.hidden;
  }

  resume() {
    this.#ask({ type: "queue_resume", conversation_id: this.#conversation });
  }

  /** Show the queue of a conversation as the server tells it, as a whole. */
  take(conversation, { items = [], paused = null } = {}) {
    this.#conversation = conversation;
    this.#items = items;
    this.#section.hidden = items.length === 0;
    this.#paused.hidden = paused === null || items.length === 0;
    byId("queue-why").textContent = paused?.message ?? "";
    byId("queue-title").textContent = items.length === 1 ? "1 message waits" : `${items.length} messages wait`;
    if (!items.some(({ run_id: id }) => id === this.#edited)) this.#edited = "";
    this.#draw();
  }

  // Who is changing one keeps the field, and who moves one with the keyboard keeps the place.
  #draw() {
    const focus = document.activeElement?.closest?.("#queue-list button");
    const place = focus && { id: focus.closest("li").dataset.run, label: focus.getAttribute("aria-label") };
    const old = new Map([...this.#list.children].map((item) => [item.dataset.run, item]));
    this.#list.replaceChildren(
      ...this.#items.map((item, index) => {
        return item.run_id === this.#edited && old.has(item.run_id) ? old.get(item.run_id) : this.#item(item, index);
      }),
    );
    if (!place) return;
    const item = [...this.#list.children].find(({ dataset }) => dataset.run === place.id);
    const same = [...(item?.querySelectorAll("button") ?? [])].find((each) => each.getAttribute("aria-label") === place.label);
    (same && !same.disabled ? same : item?.querySelector("button:not(:disabled)") ?? byId("message")).focus();
  }

  #item(item, index) {
    const { run_id: id, model, steers } = item;
    const { text, files } = partsOf(item);
    const change = element("button", { type: "button", class: "link", "aria-label": `Model ${model}: change it` }, model);
    change.addEventListener("click", () => this.#chooseModel(item));
    const attached = files.length ? [" · ", files.length === 1 ? "1 file" : `${files.length} files`] : [];
    const move = (step) => this.#ask({ type: "queue_move", run_id: id, index: index + step });
    const up = iconButton("up", "Move up", () => move(-1));
    const down = iconButton("down", "Move down", () => move(1));
    up.disabled = index === 0;
    down.disabled = index === this.#items.length - 1;
    const made = element(
      "li",
      { "data-run": id },
      element("span", { class: "words" }, shown(text) || "Files"),
      element("span", { class: "about" }, ...(steers ? [STEERS] : [change, ...attached])),
      element(
        "span",
        { class: "buttons" },
        iconButton("send", "Send now", () => this.#ask({ type: "queue_send", run_id: id })),
        ...(this.#items.length > 1 ? [up, down] : []),
        iconButton("edit", "Edit", () => this.#edit(made, item)),
        iconButton("cross", "Remove", () => this.#ask({ type: "queue_remove", run_id: id })),
      ),
    );
    return made;
  }

  async #chooseModel({ run_id: id, model }) {
    const chosen = await askForModel("Which model answers this message?", model);
    if (chosen && chosen !== model) await this.#ask({ type: "queue_edit", run_id: id, model: chosen });
  }

  async #edit(made, item) {
    const { run_id: id } = item;
    const whole = item.input ? item : await this.#whole(id);
    if (!whole) return;
    const { text, files } = partsOf(whole);
    const field = element("textarea", { rows: "2", "aria-label": "Queued message" });
    field.value = text;
    this.#edited = id;
    const leave = () => {
      this.#edited = "";
      this.#draw();
      byId("message").focus();
    };
    const keep = async () => {
      const said = field.value.trim() ? [{ type: "text", text: field.value }] : [];
      if (!said.length && !files.length) return;
      const input = files.length ? [{ id, role: "user", content: [...said, ...files] }] : field.value;
      if (await this.#ask({ type: "queue_edit", run_id: id, input })) leave();
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey))) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") leave();
      else keep();
    });
    const save = element("button", { type: "button", class: "primary" }, "Save");
    const cancel = element("button", { type: "button", class: "quiet" }, "Cancel");
    save.addEventListener("click", keep);
    cancel.addEventListener("click", leave);
    made.classList.add("edited");
    made.replaceChildren(field, element("span", { class: "buttons" }, cancel, save));
    field.focus();
    field.setSelectionRange(text.length, text.length);
  }

  // A long one is told in part only.
  async #whole(id) {
    try {
      const { queue } = await readConversation(this.#conversation);
      return queue.items.find(({ run_id: each }) => each === id);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  /** Ask for a change; the answer comes to all tabs alike. Return whether it was taken. */
  async #ask(frame) {
    try {
      await this.#commands(frame);
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }
}
