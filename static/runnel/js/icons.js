// Buttons with a picture instead of words; the words are its name, and shown when one points at it.

import { element } from "./dom.js";

/**
 * Return a button.
 * @param {string} icon  a class of icons.css
 * @param {string} label  what it does
 * @param {(event: MouseEvent) => void} act
 */
export function iconButton(icon, label, act) {
  const made = element("button", { type: "button", class: `icon-button ${icon}`, "aria-label": label, title: label });
  made.addEventListener("click", act);
  return made;
}

/** Change what a button with a picture is called. */
export function relabel(button, label) {
  button.setAttribute("aria-label", label);
  button.title = label;
}
