// Tells of what waits or has ended elsewhere: in the tab's title, and as a notification of the browser if wanted.

import { byId } from "./dom.js";
import { titled } from "./words.js";

/** Where this browser keeps whether notifications are wanted. */
const KEY = "runnel.notify";

export class Alerts {
  #button = byId("notify");
  #title = "";
  #count = 0;
  #open;

  /** @param {(id: string) => void} open  shows a conversation */
  constructor(open) {
    this.#open = open;
    this.#button.hidden = !("Notification" in window);
    this.#button.addEventListener("click", () => this.#toggle());
    this.#show();
  }

  /** The title of what is on the page. */
  set title(title) {
    this.#title = title;
    this.#showTitle();
  }

  /** Count what waits for a person, or was not read yet. */
  count(entries) {
    this.#count = entries.filter(({ state, unread }) => state === "waiting" || (unread && state !== "running")).length;
    this.#showTitle();
  }

  /** Tell of an entry that has changed, unless somebody looks at the page. */
  changed(entry, before) {
    if (!before || entry.deleted || !this.#isOn || document.hasFocus()) return;
    const has = { waiting: "waits for your decision", failed: "has failed", idle: "has ended" }[entry.state];
    if (!has || entry.state === before.state || !["running", "waiting"].includes(before.state)) return;
    // Each tab tells it; one tag makes one notification of these.
    const notification = new Notification(titled(entry.title), { body: `The answer ${has}.`, tag: entry.id });
    notification.addEventListener("click", () => {
      window.focus();
      this.#open(entry.id);
    });
  }

  get #isOn() {
    return localStorage.getItem(KEY) === "on" && "Notification" in window && Notification.permission === "granted";
  }

  async #toggle() {
    if (this.#isOn) localStorage.removeItem(KEY);
    else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEY, "on");
    this.#show();
  }

  #show() {
    const isBlocked = "Notification" in window && Notification.permission === "denied";
    this.#button.setAttribute("aria-pressed", String(this.#isOn));
    this.#button.textContent = this.#isOn ? "Notifications on" : "Notifications";
    this.#button.title = isBlocked
      ? "Your browser does not let this site notify you."
      : "Tell me when an answer waits for me or has ended, while I look at something else.";
  }

  #showTitle() {
    const name = this.#title ? `${titled(this.#title)} · Runnel` : "Runnel";
    document.title = this.#count ? `(${this.#count}) ${name}` : name;
  }
}
