// Which tools the conversation may use: a button that says how many, and a list to tick them in.

import { listTools } from "./api.js";
import { byId, element } from "./dom.js";
import { shown } from "./hidden.js";

/** Pixels between the button and the list. */
const GAP = 8;

/** Return what a source of tools is called: an app's label, or `mcp:` and a server's name. */
function sourceName(source) {
  if (source === "runs") return "Built in";
  return source.startsWith("mcp:") ? `${source.slice(4)} (MCP server)` : source;
}

export class ToolMenu {
  #button = byId("tools");
  #panel = byId("tools-panel");
  #list = byId("tools-list");
  #problem = byId("tools-problem");
  #chosen;
  /** The tools that the user may use, or null while that is not known. */
  #tools = null;
  /** Names of the ticked ones; null until somebody chose: then it is all of them. */
  #names = null;
  #isTouched = false;
  #loading = null;

  /**
   * @param {(names: string[]) => Promise} chosen  called with what is ticked when that changes
   */
  constructor(chosen) {
    this.#chosen = chosen;
    this.#panel.addEventListener("beforetoggle", ({ newState }) => {
      if (newState !== "open") return;
      this.#place();
      this.load();
    });
    addEventListener("resize", () => this.#panel.hidePopover());
    byId("tools-all").addEventListener("click", () => this.#tick(this.#tools.map(({ name }) => name)));
    byId("tools-none").addEventListener("click", () => this.#tick([]));
  }

  /** Ask which tools there are. Never rejects: without an answer it is as before. */
  load() {
    this.#loading ??= listTools()
      .then((tools) => {
        this.#tools = tools;
        this.#draw();
      })
      .catch(() => {})
      .finally(() => {
        this.#loading = null;
      });
    return this.#loading;
  }

  /** Begin with another conversation, whose choice is not known yet. */
  open() {
    this.#names = null;
    this.#isTouched = false;
    this.#draw();
  }

  /** Take what is stored of the conversation, unless the user has chosen since. */
  take(names) {
    if (this.#isTouched || names === undefined) return;
    this.#names = names;
    this.#draw();
  }

  /** Return the names of what is ticked, or undefined when nobody knows what there is. */
  async ticked() {
    if (!this.#tools) await this.load();
    return this.#tools ? this.#ticked() : undefined;
  }

  /** How many tools are ticked, as far as that is known. */
  get count() {
    return this.#tools ? this.#ticked().length : 0;
  }

  /** Return whether all of these are there and ticked. */
  async has(...names) {
    const ticked = (await this.ticked()) ?? [];
    return names.every((name) => ticked.includes(name));
  }

  #ticked() {
    const names = this.#tools.map(({ name }) => name);
    return this.#names ? names.filter((name) => this.#names.includes(name)) : names;
  }

  async #tick(names) {
    this.#names = names;
    this.#isTouched = true;
    this.#problem.textContent = "";
    this.#draw();
    try {
      await this.#chosen(names);
    } catch (error) {
      this.#problem.textContent = error.message;
    }
  }

  // Drawn anew only when there are others: who ticks with the keyboard keeps the place.
  #draw() {
    if (!this.#tools) return;
    const ticked = this.#ticked();
    this.#button.hidden = !this.#tools.length;
    byId("tools-count").textContent = String(ticked.length);
    const drawn = JSON.stringify(this.#tools);
    if (this.#list.dataset.drawn !== drawn) {
      this.#list.dataset.drawn = drawn;
      const sources = Map.groupBy(this.#tools, ({ source }) => source);
      this.#list.replaceChildren(...[...sources].map(([source, tools]) => this.#group(source, tools)));
    }
    for (const box of this.#list.querySelectorAll("input")) box.checked = ticked.includes(box.value);
  }

  #group(source, tools) {
    return element(
      "fieldset",
      {},
      element("legend", {}, sourceName(source)),
      ...tools.map((tool) => this.#entry(tool)),
    );
  }

  #entry({ name, description, requires_approval: isGated }) {
    const box = element("input", { type: "checkbox", value: name });
    box.addEventListener("change", () => {
      const others = this.#ticked().filter((each) => each !== name);
      this.#tick(box.checked ? [...others, name] : others);
    });
    /** @type {(Node | string)[]} */
    const words = [element("span", { class: "name" }, name)];
    if (isGated) words.push(" ", element("span", { class: "badge" }, "asks first"));
    if (description) words.push(element("span", { class: "description" }, shown(description)));
    return element("label", {}, box, element("span", {}, ...words));
  }

  // Above its button, within the window. What floats on top knows nothing of the elements below.
  #place() {
    const { left, top } = this.#button.getBoundingClientRect();
    const width = Math.min(380, innerWidth - 2 * GAP);
    Object.assign(this.#panel.style, {
      width: `${width}px`,
      left: `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`,
      bottom: `${innerHeight - top + GAP}px`,
      maxHeight: `${top - 2 * GAP}px`,
    });
  }
}
