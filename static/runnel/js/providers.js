// The page of providers: asks for an address where the chosen provider has none of its own.

import { byId } from "./dom.js";

/** @type {HTMLFormElement} */
const form = document.querySelector("form[data-with-address]");
const needing = new Set((form.dataset.withAddress ?? "").split(" "));
const kind = byId("id_kind");
const more = byId("more");

function choose() {
  if (needing.has(kind.value)) more.open = true;
}

kind.addEventListener("change", choose);
choose();
form.addEventListener("submit", () => {
  // A test may take a while; a second click would only begin another.
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button.primary"));
  button.textContent = "Testing…";
  setTimeout(() => {
    button.disabled = true;
  });
});
