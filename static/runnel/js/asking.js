// A dialog that asks for one line of text.

import { element } from "./dom.js";

/**
 * Ask for a line; `take` gets it, and the dialog stays and says why while `take` fails.
 * @param {{title: string, label: string, value: string, most: number, confirm: string, choices?: string[],
 *   hint?: string, mayBeEmpty?: boolean}} asked
 * @param {(line: string) => Promise<unknown>} take
 */
export function ask({ title, label, value, most, confirm, choices = [], hint = "", mayBeEmpty = false }, take) {
  const field = element("input", { type: "text", maxlength: String(most), autocomplete: "off", list: "asked-choices" });
  field.value = value;
  const problem = element("p", { class: "problem", role: "alert" });
  const accept = element("button", { class: "primary" }, confirm);
  const cancel = element("button", { type: "button", class: "quiet" }, "Cancel");
  const form = element("form", { method: "dialog" }, cancel, accept);
  const dialog = element(
    "dialog",
    { class: "asking", "aria-label": title },
    element("h2", {}, title),
    element("label", {}, label, field),
    element("datalist", { id: "asked-choices" }, ...choices.map((choice) => element("option", { value: choice }))),
    element("p", { class: "helptext" }, hint),
    problem,
    form,
  );
  const submit = async () => {
    const line = field.value.trim();
    if (!line && !mayBeEmpty) {
      field.focus();
      return;
    }
    problem.textContent = "";
    accept.disabled = true;
    try {
      await take(line);
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      accept.disabled = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
  field.select();
}
