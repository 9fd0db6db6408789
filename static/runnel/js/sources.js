// What an answer cites: numbered links with titles, each once.

import { element } from "./dom.js";
import { attributesOf, linkTo } from "./markdown/links.js";

/** Characters of a title, or of cited words, that are shown. */
const LONGEST = 200;

function text(...candidates) {
  const found = candidates.find((each) => typeof each === "string" && each.trim());
  return found ? found.trim().slice(0, LONGEST).toWellFormed() : "";
}

/** Return what a citation says of its source, whichever provider's it is: `{url, title}`, either may be "". */
function sourceOf(citation) {
  const { url_citation: inner, web, retrievedContext } = citation;
  const said = inner ?? web ?? retrievedContext ?? citation;
  const url = [said.url, said.uri].find((each) => typeof each === "string") ?? "";
  return { url, title: text(said.title, said.document_title, said.filename, said.name, said.cited_text, url) };
}

/**
 * Return the citations in a provider's item; none if it is no such item.
 * @param {string} kind
 * @param {any} data
 * @returns {object[]}
 */
export function citationsIn(kind, data) {
  if (kind === "citation") return data && typeof data === "object" ? [data] : [];
  const chunks = data?.groundingChunks;
  return Array.isArray(chunks) ? chunks.filter((chunk) => chunk && typeof chunk === "object") : [];
}

/** Return whether stored messages may say where something is cited. */
export function isCited(messages) {
  return messages.some(({ parts }) => parts.some(({ annotations, data }) => annotations?.length || data?.groundingSupports));
}

export class Sources {
  element = element("ol", { class: "sources", "aria-label": "Sources" });
  /** What is listed, by address or title: `{number, link}`. */
  #known = new Map();

  /** Add the source of a citation, unless it is there. Return `{number, link: {href, title}}`; undefined if it names none. */
  add(citation) {
    const { url, title } = sourceOf(citation);
    const key = url || title;
    if (key && !this.#known.has(key)) {
      this.#known.set(key, { number: this.#known.size + 1, link: { href: url, title } });
      const link = linkTo(url, title);
      const shown = link ? element("a", attributesOf(link, ""), title) : title;
      this.element.append(element("li", {}, shown));
    }
    return this.#known.get(key);
  }
}
