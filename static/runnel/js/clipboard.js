// Copies text, and says so on the button “Copy” that was pressed.

import { element } from "./dom.js";

/** Milliseconds for which a button says that it has copied. */
const TOLD = 1500;

// The clipboard's interface exists on secure origins only, and a home server may be plain http.
function copyBySelecting(text) {
  const field = element("textarea", { class: "visually-hidden", readonly: true });
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (!isCopied) throw new Error("the browser does not copy");
}

/** Copy a text; `button` tells whether it worked. */
export async function copy(text, button) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyBySelecting(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
  }
  // Selecting has taken the focus.
  button.focus({ preventScroll: true });
  setTimeout(() => {
    button.textContent = "Copy";
  }, TOLD);
}
