// A line at the foot of the page that goes by itself, with something that can be done about it.

import { element } from "./dom.js";

/** Milliseconds for which it stays; who points at it or has the focus in it keeps it. */
const STAYS = 10_000;

let shown = null;

/**
 * Show a line, in place of the one before.
 * @param {string} words
 * @param {{title: string, run: () => void} | null} action
 */
export function toast(words, action = null) {
  shown?.remove();
  const line = element("div", { class: "toast", role: "status" }, element("span", {}, words));
  const close = () => {
    line.remove();
    if (shown === line) shown = null;
  };
  if (action) {
    const button = element("button", { type: "button", class: "link" }, action.title);
    button.addEventListener("click", () => {
      close();
      action.run();
    });
    line.append(button);
  }
  const go = () => {
    if (!line.isConnected) return;
    if (line.matches(":hover, :focus-within")) setTimeout(go, 1000);
    else close();
  };
  setTimeout(go, STAYS);
  document.body.append(line);
  shown = line;
}
