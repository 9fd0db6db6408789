// Copies text, and says so on the button that was pressed: “Copy”, or one with a picture.

import { element } from "./dom.js";
import { relabel } from "./icons.js";

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

/** Say something on a button for a while. */
function tell(button, words, isDone) {
  const hasPicture = button.classList.contains("icon-button");
  const before = hasPicture ? button.getAttribute("aria-label") : "Copy";
  const say = (said) => (hasPicture ? relabel(button, said) : (button.textContent = said));
  if (button.dataset.told) return;
  button.dataset.told = "true";
  say(words);
  button.classList.toggle("copied", hasPicture && isDone);
  setTimeout(() => {
    say(before);
    button.classList.remove("copied");
    delete button.dataset.told;
  }, TOLD);
}

/** Copy a text; `button` tells whether it worked. */
export async function copy(text, button) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyBySelecting(text);
    tell(button, "Copied", true);
  } catch {
    tell(button, "Not copied", false);
  }
  // Selecting has taken the focus.
  button.focus({ preventScroll: true });
}
