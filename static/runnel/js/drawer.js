// On narrow screens the list of conversations is a drawer: shut, it must not take the focus.

import { byId } from "./dom.js";

/** Make the menu button open and close the drawer. Return what opens it where it is shut, and what closes it. */
export function setUpDrawer() {
  const drawer = byId("sidebar");
  const button = byId("menu");
  const shade = byId("shade");
  const narrow = matchMedia("(max-width: 720px)");

  const show = (isOpen) => {
    document.body.classList.toggle("drawer-open", isOpen);
    button.setAttribute("aria-expanded", String(isOpen));
    drawer.inert = narrow.matches && !isOpen;
    shade.hidden = !isOpen;
  };
  button.addEventListener("click", () => {
    show(true);
    drawer.querySelector("a")?.focus();
  });
  const close = () => {
    show(false);
    button.focus();
  };
  shade.addEventListener("click", close);
  // Before the window hears of it, where Escape stops a run.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || shade.hidden) return;
    event.stopPropagation();
    close();
  });
  narrow.addEventListener("change", () => show(false));
  show(false);
  return { open: () => narrow.matches && show(true), close: () => show(false) };
}
