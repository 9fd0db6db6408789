// The list of all keys, made from what the page offers: nothing is listed that is not there.

import { actionsWithKeys, keyNames } from "./actions.js";
import { element } from "./dom.js";

function entry({ title, keys }) {
  const names = keyNames(keys).map((name) => element("kbd", {}, name));
  return [element("dt", {}, title), element("dd", {}, ...names)];
}

/** Show the keys in a dialog, which goes when it is closed. */
export function showKeys() {
  const groups = Map.groupBy(actionsWithKeys(), ({ group = "Everywhere" }) => group);
  const parts = [...groups].map(([group, actions]) => {
    return element("section", {}, element("h3", {}, group), element("dl", {}, ...actions.flatMap(entry)));
  });
  const close = element("button", { class: "quiet", autofocus: true }, "Close");
  const dialog = element(
    "dialog",
    { id: "keys", "aria-labelledby": "keys-title" },
    element("h2", { id: "keys-title" }, "Keys"),
    element("div", { class: "groups", tabindex: "0", role: "group", "aria-labelledby": "keys-title" }, ...parts),
    element("form", { method: "dialog" }, close),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
