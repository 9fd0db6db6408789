// A formula: its TeX until what draws it is there, MathML from then on.

import { element } from "../dom.js";
import { whenIdle } from "../idle.js";

/** Characters of TeX beyond which it is shown as it is. */
const LONGEST = 4000;

/** What TeX of strangers may do: grow to that many steps, and to that size (em, points). */
const OPTIONS = { throwOnError: true, trust: false, maxExpand: 200, maxSize: [25, 250], strict: false };

let loading = null;

async function load() {
  const { formulas } = document.body.dataset;
  if (formulas) document.head.append(element("link", { rel: "stylesheet", href: formulas }));
  const module = await import("../../../vendor/temml/temml.mjs");
  return module.default;
}

/** Move what a tree would set as a `style` attribute, which the page's policy forbids, to where it may be set. */
function restyle(node) {
  const text = node.attributes?.style;
  if (text) {
    delete node.attributes.style;
    for (const [, name, value] of text.matchAll(/([a-z-]+)\s*:\s*([^;]+)/g)) {
      node.style[name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())] = value.trim();
    }
  }
  for (const child of node.children ?? []) restyle(child);
}

export class Formula {
  /** @param {{source: string, isBlock: boolean}} node */
  constructor({ source, isBlock }) {
    this.element = element("span", { class: isBlock ? "formula display" : "formula" }, element("code", {}, source));
    if (isBlock) this.element.tabIndex = 0;
    if (source.length > LONGEST) return;
    loading ??= load();
    loading
      .then((temml) => whenIdle(() => this.#draw(temml, source, isBlock)))
      .catch(() => {
        // What cannot be loaded leaves the TeX, which can be read as well.
      });
  }

  update() {}

  #draw(temml, source, displayMode) {
    try {
      const tree = temml.__renderToMathMLTree(source, { ...OPTIONS, displayMode });
      restyle(tree);
      this.element.replaceChildren(tree.toNode());
    } catch {
      // No TeX, or more than is allowed: its source says what was meant.
    }
  }
}
