// Files that go along with the next message: chosen, dropped or pasted, uploaded at once.

import { deleteFile, uploadFile } from "./api.js";
import { byId, element } from "./dom.js";
import { size } from "./format.js";
import { shown } from "./hidden.js";
import { iconButton } from "./icons.js";
import { thumbnail } from "./thumbnail.js";

const MEGABYTE = 1024 * 1024;

/** Characters from which a pasted text becomes a file: nobody reads so much in the field. */
const LONG_PASTE = 10_000;

/** Return what AG-UI calls a file of this media type. */
function mediumOf(mimeType) {
  const [family] = mimeType.split("/");
  return ["image", "audio", "video"].includes(family) ? family : "document";
}

/** One file, and what shows it. */
class Attachment {
  /** What is stored of it, or null while it is on its way. */
  stored = null;
  #upload = new AbortController();
  #bar = element("progress", { max: "1", value: "0" });
  #size = element("span", { class: "size" });

  /** @param {File} file @param {Record<string, () => void>} actions  what can be done with it, by label */
  constructor(file, actions) {
    this.file = file;
    const name = element("span", { class: "name" }, shown(file.name));
    const buttons = Object.entries(actions).map(([label, act]) => this.#button(label, act));
    this.#bar.setAttribute("aria-label", `Upload of ${file.name}`);
    this.element = element(
      "li",
      { class: "attachment", "aria-busy": "true" },
      thumbnail(file),
      element("span", { class: "about" }, name, this.#size, this.#bar),
      ...buttons,
    );
    this.#size.textContent = size(file.size);
  }

  async upload() {
    const { signal } = this.#upload;
    this.stored = await uploadFile(this.file, { signal, progress: (share) => (this.#bar.value = share) });
    this.element.removeAttribute("aria-busy");
    this.#bar.remove();
  }

  giveUp() {
    this.#upload.abort();
    this.element.remove();
  }

  #button(label, act) {
    if (label === "Remove") return iconButton("cross", `Remove ${this.file.name}`, act);
    const made = element("button", { type: "button", class: "link" }, label);
    made.addEventListener("click", act);
    return made;
  }
}

/** The files of one message that is being written. */
class Files {
  /** @type {Set<Attachment>} */
  all = new Set();
  /** Who waits until all have arrived. */
  #waiting = [];

  get isBusy() {
    return [...this.all].some(({ stored }) => !stored);
  }

  /** Wait until none is on its way. Return whether all have arrived that were there before. */
  async arrived() {
    const before = this.all.size;
    if (this.isBusy) await new Promise((resolve) => this.#waiting.push(resolve));
    return this.all.size === before;
  }

  /** Let those go on who wait, if nothing is on its way any more. */
  tell() {
    if (!this.isBusy) for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export class Attachments {
  #list = byId("attachments");
  #input = byId("files");
  #field;
  #problem;
  #changed;
  #most;
  #mostTogether;
  #files = new Files();
  /** Those of conversations that are not on the page, by their ids. */
  #elsewhere = new Map();

  /**
   * @param {{drop: HTMLElement, field: HTMLTextAreaElement, megabytes: number, megabytesTogether: number,
   *   problem: (words: string) => void, changed: () => void}} options
   *   where files may be dropped, and where pasted; how large one and all of a message may be; who says what went
   *   wrong, and who asks whether all have arrived
   */
  constructor({ drop, field, megabytes, megabytesTogether, problem, changed }) {
    this.#field = field;
    this.#problem = problem;
    this.#changed = changed;
    this.#most = megabytes * MEGABYTE;
    this.#mostTogether = megabytesTogether * MEGABYTE;
    byId("attach").addEventListener("click", () => this.#input.click());
    this.#input.addEventListener("change", () => {
      this.#addAll([...this.#input.files]);
      this.#input.value = "";
    });
    this.#takeDropped(drop);
    field.addEventListener("paste", (event) => this.#paste(event));
  }

  /** The files of the message that is being written: one of these for each conversation. */
  get files() {
    return this.#files;
  }

  /** Whether there is none. */
  get isEmpty() {
    return this.#files.all.size === 0;
  }

  /** Return the files as parts of an AG-UI user message. */
  get parts() {
    return [...this.#files.all].map(({ stored: { id, name, mime_type: mimeType } }) => ({
      type: mediumOf(mimeType),
      source: { type: "file", value: id, mimeType },
      metadata: { name },
    }));
  }

  /** Show the files for another conversation, "" for a new one. Those of the one before stay with it. */
  open(before, conversation) {
    this.#elsewhere.set(before, this.#files);
    this.#files = this.#elsewhere.get(conversation) ?? new Files();
    this.#elsewhere.delete(conversation);
    this.#draw();
  }

  /** Forget files: they were sent. */
  clear(files) {
    files.all.clear();
    this.#draw();
  }

  /** Take a text that is too long for a message along as a file. */
  addText(text, name = "Pasted text.txt") {
    this.#add(new File([text], name, { type: "text/plain" }), text);
  }

  // The whole page takes what is dropped, and shows that it does.
  #takeDropped(page) {
    const isOfFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
    let depth = 0;
    const show = (change) => {
      depth = Math.max(0, depth + change);
      page.classList.toggle("dropping", depth > 0);
    };
    page.addEventListener("dragenter", (event) => isOfFiles(event) && show(1));
    page.addEventListener("dragleave", (event) => isOfFiles(event) && show(-1));
    page.addEventListener("dragover", (event) => isOfFiles(event) && event.preventDefault());
    page.addEventListener("drop", (event) => {
      show(-depth);
      if (!isOfFiles(event)) return;
      event.preventDefault();
      this.#addAll([...event.dataTransfer.files]);
      this.#field.focus();
    });
  }

  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    // Office programs put a picture of a text beside it.
    if (files.length && !text) {
      event.preventDefault();
      this.#addAll(files);
    } else if (text.length > LONG_PASTE) {
      event.preventDefault();
      this.addText(text);
    }
  }

  #addAll(files) {
    for (const file of files) this.#add(file);
  }

  #refusal(file) {
    if (file.size > this.#most) {
      return `${file.name} has ${size(file.size)}. A file may have ${size(this.#most)}.`;
    }
    const together = [...this.#files.all].reduce((sum, each) => sum + each.file.size, file.size);
    if (together > this.#mostTogether) {
      return `With ${file.name} the files would have ${size(together)} together. A message may have ${size(this.#mostTogether)}.`;
    }
    return file.size ? "" : `${file.name} is empty.`;
  }

  async #add(file, text = "") {
    const refusal = this.#refusal(file);
    if (refusal) {
      this.#problem(refusal);
      return;
    }
    const files = this.#files;
    const attachment = new Attachment(file, {
      ...(text && { "As text": () => this.#insert(attachment, text) }),
      Remove: () => this.#remove(attachment),
    });
    files.all.add(attachment);
    this.#draw();
    this.#changed();
    try {
      await attachment.upload();
      // It was removed in the last moment.
      if (!files.all.has(attachment)) await deleteFile(attachment.stored.id);
    } catch (error) {
      if (files.all.delete(attachment)) this.#problem(`${file.name}: ${error.message}`);
    }
    this.#draw();
    this.#tell(files);
  }

  #draw() {
    const shown = [...this.#files.all].map((attachment) => attachment.element);
    for (const item of [...this.#list.children]) if (!shown.includes(item)) item.remove();
    for (const item of shown) if (!item.isConnected) this.#list.append(item);
  }

  #insert(attachment, text) {
    this.#remove(attachment);
    this.#field.focus();
    this.#field.setRangeText(text, this.#field.selectionStart, this.#field.selectionEnd, "end");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #remove(attachment) {
    this.#files.all.delete(attachment);
    attachment.giveUp();
    // Whether that works is of no importance to anybody who writes a message.
    if (attachment.stored) deleteFile(attachment.stored.id).catch(() => {});
    this.#tell(this.#files);
    this.#field.focus();
  }

  #tell(files) {
    this.#changed();
    files.tell();
  }
}
