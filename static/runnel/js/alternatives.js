// ‹ 2/3 ›: which of several versions is shown, and the way to the others.

import { element } from "./dom.js";
import { iconButton } from "./icons.js";

/** Return the element for a fork of the protocol, `{runs, shown}`; `show(runId)` is called for another version. */
export function alternatives({ runs, shown }, what, show) {
  const index = runs.indexOf(shown);
  const to = (step, label) => {
    const button = iconButton(step < 0 ? "left" : "right", label, () => show(runs[index + step]));
    button.disabled = !runs[index + step];
    return button;
  };
  return element(
    "span",
    { class: "alternatives", role: "group", "aria-label": `Versions of the ${what}` },
    to(-1, `Previous version of the ${what}`),
    element("span", { class: "place" }, `${index + 1}/${runs.length}`),
    to(1, `Next version of the ${what}`),
  );
}
