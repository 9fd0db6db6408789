// A menu of buttons that opens beside the button that asked for it: one at a time, with arrow keys.

import { element } from "./dom.js";

/** Pixels between the button and the menu, and from the edge of the window. */
const GAP = 4;
const EDGE = 8;

let open = null;

/**
 * Open a menu beside `button`.
 * @param {HTMLElement} button
 * @param {string} label  what the menu is about, for who cannot see it
 * @param {{title: string, run: () => void, isDanger?: boolean}[]} entries
 */
export function openMenu(button, label, entries) {
  open?.hidePopover();
  const items = entries.map(({ title, run, isDanger }) => {
    const item = element("button", { type: "button", role: "menuitem", class: isDanger ? "danger" : "" }, title);
    item.addEventListener("click", () => {
      menu.hidePopover();
      run();
    });
    return item;
  });
  const menu = element("div", { class: "menu", popover: "auto", role: "menu", "aria-label": label }, ...items);
  menu.addEventListener("keydown", (event) => {
    const at = items.indexOf(/** @type {any} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length)?.focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (/** @type {any} */ (event).newState !== "closed") return;
    button.setAttribute("aria-expanded", "false");
    menu.remove();
    if (open === menu) open = null;
  });
  // Inside a dialog or a drawer it has to be a part of that.
  button.after(menu);
  open = menu;
  menu.showPopover();
  button.setAttribute("aria-expanded", "true");
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + GAP + height < innerHeight - EDGE;
  menu.style.top = `${below ? at.bottom + GAP : Math.max(EDGE, at.top - GAP - height)}px`;
  menu.style.left = `${Math.max(EDGE, Math.min(at.left, innerWidth - EDGE - width))}px`;
  items[0].focus();
}
