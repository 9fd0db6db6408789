// Files that go along with the next message: chosen, dropped or pasted, uploaded at once.

import { deleteFile, uploadFile } from "./api.js";
import { byId, element } from "./dom.js";
import { shown } from "./hidden.js";

/** Return what AG-UI calls a file of this media type. */
function mediumOf(mimeType) {
  const [family] = mimeType.split("/");
  return ["image", "audio", "video"].includes(family) ? family : "document";
}

export class Attachments {
  #list = byId("attachments");
  #input = byId("files");
  #problem;
  #changed;
  /** By the element that shows it: a stored file, or null while it is on its way. */
  #files = new Map();

  /**
   * @param {{drop: HTMLElement, problem: (words: string) => void, changed: () => void}} options
   *   where files may be dropped or pasted, who says what went wrong, and who asks whether all have arrived
   */
  constructor({ drop, problem, changed }) {
    this.#problem = problem;
    this.#changed = changed;
    byId("attach").addEventListener("click", () => this.#input.click());
    this.#input.addEventListener("change", () => {
      this.#addAll(this.#input.files);
      this.#input.value = "";
    });
    drop.addEventListener("dragover", (event) => event.preventDefault());
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#addAll(event.dataTransfer.files);
    });
    drop.addEventListener("paste", (event) => this.#addAll(event.clipboardData?.files ?? []));
  }

  /** Whether there is none. */
  get isEmpty() {
    return this.#files.size === 0;
  }

  /** Whether one is still on its way. */
  get isBusy() {
    return [...this.#files.values()].includes(null);
  }

  /** Return the files as parts of an AG-UI user message. */
  get parts() {
    return [...this.#files.values()].map(({ id, mime_type: mimeType }) => ({
      type: mediumOf(mimeType),
      source: { type: "file", value: id, mimeType },
    }));
  }

  /** Forget the files: they were sent. */
  clear() {
    this.#files.clear();
    this.#list.replaceChildren();
  }

  #addAll(files) {
    for (const file of files) this.#add(file);
  }

  async #add(file) {
    const remove = element("button", { type: "button", class: "quiet", "aria-label": `Remove ${file.name}` }, "×");
    const chip = element("li", { class: "chip", "aria-busy": "true" }, shown(file.name), remove);
    remove.addEventListener("click", () => this.#remove(chip));
    this.#files.set(chip, null);
    this.#list.append(chip);
    this.#changed();
    try {
      const stored = await uploadFile(file);
      if (!this.#files.has(chip)) await deleteFile(stored.id);
      else this.#files.set(chip, stored);
      chip.removeAttribute("aria-busy");
    } catch (error) {
      this.#problem(`${file.name}: ${error.message}`);
      this.#files.delete(chip);
      chip.remove();
    }
    this.#changed();
  }

  #remove(chip) {
    const stored = this.#files.get(chip);
    this.#files.delete(chip);
    chip.remove();
    this.#changed();
    // Whether that works is of no importance to anybody who writes a message.
    if (stored) deleteFile(stored.id).catch(() => {});
  }
}
