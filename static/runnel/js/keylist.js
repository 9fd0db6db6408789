// The list of all keys: in a dialog over the conversation, and on the page of its own.

import { keyNames } from "./actions.js";
import { element } from "./dom.js";
import { KEYS, KEYS_OF_FIELDS } from "./keys.js";

function entry({ title, keys }) {
  const names = keyNames(keys).map((name) => element("kbd", {}, name));
  return [element("dt", {}, title), element("dd", {}, ...names)];
}

/** Return the keys in groups, each under a heading `level` such as "h2". */
export function keySections(level) {
  const groups = Map.groupBy([...Object.values(KEYS), ...KEYS_OF_FIELDS], ({ group = "Everywhere" }) => group);
  return [...groups].map(([group, keys]) => {
    return element("section", {}, element(level, {}, group), element("dl", {}, ...keys.flatMap(entry)));
  });
}

/** Show the keys in a dialog, which goes when it is closed. */
export function showKeys() {
  const close = element("button", { class: "quiet", autofocus: true }, "Close");
  const dialog = element(
    "dialog",
    { id: "keys", class: "keys", "aria-labelledby": "keys-title" },
    element("h2", { id: "keys-title" }, "Keys"),
    element("div", { class: "groups", tabindex: "0", role: "group", "aria-labelledby": "keys-title" }, ...keySections("h3")),
    element("form", { method: "dialog" }, close, element("a", { href: "/keys/", target: "_blank" }, "As a page")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
