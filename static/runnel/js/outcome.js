// The foot of a run that has ended: what went wrong, what it used and cost, whether later requests have it.

import { element } from "./dom.js";
import * as format from "./format.js";

/** Return the lines about a run that has ended, as it is stored. */
export function outcomeLines(run) {
  const lines = [];
  if (run.status === "failed") {
    const code = element("code", {}, run.error_code || run.stop_reason || "error");
    lines.push(element("p", { class: "problem" }, run.error_message || "Something went wrong.", " ", code));
  }
  lines.push(element("p", { class: "summary", title: run.cost_missing ?? false }, format.summary(run)));
  const note = format.leftOut(run);
  if (note) lines.push(element("p", { class: "note" }, note));
  return lines;
}
