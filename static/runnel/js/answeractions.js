// What can be done with an answer that has ended: copy it, ask again, go on, branch off.

import { alternatives } from "./alternatives.js";
import { copy } from "./clipboard.js";
import { element } from "./dom.js";
import { iconButton } from "./icons.js";

function button(words, act) {
  const made = element("button", { type: "button", class: "link again" }, words);
  made.addEventListener("click", act);
  return made;
}

/**
 * Return what is offered under an answer.
 * @param {any} view  a `RunView`
 * @param {{again?: Function, goOn?: Function, editQuestion?: Function, branch?: Function, show?: Function, traces?: string}} handlers
 *   `again(view, {isOtherModel})` asks the same once more, `goOn(view)` for the rest, `editQuestion(view)` lets the user
 *   change what was asked, `branch(message)` goes on behind a message in another way; what is left out is not offered
 */
export function answerActions(view, handlers) {
  const { words, run, fork } = view;
  const hasFailed = run.status === "failed";
  const isEmpty = hasFailed || view.isStoppedInSilence;
  const offered = [];
  if (words) {
    // One for all drawings: it says for a while that it has copied, and what is stored may come meanwhile.
    view.copies ??= iconButton("copy", "Copy the answer as Markdown", () => copy(view.words, view.copies));
    offered.push(view.copies);
  }
  if (handlers.again && view.answered) {
    if (!isEmpty) offered.push(iconButton("again retry", "Answer again", () => handlers.again(view, {})));
    offered.push(iconButton("again other-model", "Answer again with another model", () => handlers.again(view, { isOtherModel: true })));
  }
  if (handlers.branch && view.lastMessage && words) {
    offered.push(iconButton("again branch", "Branch: go on from here in another way", () => handlers.branch(view.lastMessage)));
  }
  if (fork) offered.push(alternatives(fork, "answer", handlers.show));
  if (handlers.goOn && view.isCut && view.lastMessage) offered.push(button("Continue", () => handlers.goOn(view)));
  if (handlers.again && isEmpty && view.answered) offered.push(button("Try again", () => handlers.again(view, {})));
  if (handlers.editQuestion && isEmpty && (view.question?.canEdit ?? true)) offered.push(button("Edit and send again", () => handlers.editQuestion(view)));
  if (hasFailed && handlers.traces) offered.push(element("a", { href: `${handlers.traces}?run_id=${run.id}` }, "Details"));
  return offered;
}
