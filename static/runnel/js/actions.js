// What a person can do on the page: one list, from which come the palette and what keys do.
//
// Any module offers its own. Knows neither what an action does nor how the lists look.

/**
 * @typedef {object} Action
 * @property {string} title  what it does, as an order: "Stop the answer"
 * @property {() => void} [run]  without one it is a key that only some field knows: it is listed, not offered
 * @property {string} [group]  the heading under which it is listed
 * @property {string} [keys]  as "Mod+Shift+O": Mod is Ctrl, and Cmd on a Mac
 * @property {string} [also]  other words by which it is found
 * @property {() => boolean} [isOffered]  whether it can be done now; without one it always can
 * @property {boolean} [isHidden]  it has keys, and is not offered in the palette
 */

/** Groups of actions by who offers them; a function is asked each time, with what was typed into the palette. */
const offered = new Set();

const IS_MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");

/** How keys are written where a person reads them. */
const SHOWN = {
  Mod: IS_MAC ? "⌘" : "Ctrl",
  Alt: IS_MAC ? "⌥" : "Alt",
  Escape: "Esc",
  ArrowUp: "↑",
  ArrowDown: "↓",
  PageUp: "Page up",
  PageDown: "Page down",
};

/**
 * Offer actions until the returned function is called.
 *
 * A function instead of a list is asked each time, with the words that were typed into the palette ("" for the keys):
 * it returns a list, or a promise of one, such as the conversations that match.
 * @param {Action[] | ((words: string) => Action[] | Promise<Action[]>)} actions
 */
export function offer(actions) {
  const entry = { actions };
  offered.add(entry);
  return () => offered.delete(entry);
}

/**
 * Return the actions that can be done now, and beside them promises of more.
 * @param {string} words  what was typed
 * @returns {{known: Action[], coming: Promise<Action[]>[]}}
 */
export function actionsFor(words) {
  const known = [];
  const coming = [];
  for (const { actions } of offered) {
    const found = typeof actions === "function" ? actions(words) : actions;
    if (found instanceof Promise) coming.push(found.catch(() => []));
    else known.push(...found);
  }
  return { known: known.filter(({ run, isOffered, isHidden }) => run && !isHidden && (isOffered?.() ?? true)), coming };
}

/** Return all that has keys, in the order in which it was offered, whether it can be done now or not. */
export function actionsWithKeys() {
  const lists = [...offered].map(({ actions }) => actions).filter(Array.isArray);
  return lists.flat().filter(({ keys }) => keys);
}

/** Return the names of an action's keys for a person: `["Ctrl", "K"]`. */
export function keyNames(keys) {
  return keys.split("+").map((key) => SHOWN[key] ?? key);
}

/** Return whether a keyboard event is what `keys` say. */
export function isPressed(keys, event) {
  const parts = keys.split("+");
  const key = parts.pop();
  const wanted = new Set(parts);
  const mod = IS_MAC ? event.metaKey : event.ctrlKey;
  const other = IS_MAC ? event.ctrlKey : event.metaKey;
  if (other || mod !== wanted.has("Mod") || event.altKey !== wanted.has("Alt")) return false;
  // A character such as "/" needs Shift on some keyboards.
  const isLetter = /^[A-Z]$/.test(key);
  if ((isLetter || key.length > 1) && event.shiftKey !== wanted.has("Shift")) return false;
  return event.key === key || (isLetter && event.key.toUpperCase() === key);
}

/** Do what the keys say, wherever the focus is; what is open on top of the page has the keys to itself. */
export function listenForKeys() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open], :popover-open")) return;
    const found = actionsWithKeys().find(({ keys, run, isOffered }) => {
      return run && isPressed(keys, event) && (isOffered?.() ?? true);
    });
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}
