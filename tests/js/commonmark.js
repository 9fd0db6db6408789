// The examples of the CommonMark specification: {number, section, markdown, html}.

import { readFileSync } from "node:fs";

const SPEC = new URL("../vendor/commonmark-spec/spec.txt", import.meta.url);
const EXAMPLE = /^`{32} example\n([\s\S]*?)^\.\n([\s\S]*?)^`{32}$|^#{1,6} *(.*)$/gm;

function read() {
  const found = [];
  let section = "";
  const text = readFileSync(SPEC, "utf8").replace(/^<!-- END TESTS -->[\s\S]*/m, "");
  for (const [, markdown, html, title] of text.matchAll(EXAMPLE)) {
    if (title) section = title;
    else found.push({ number: found.length + 1, section, markdown: markdown.replaceAll("→", "\t"), html: html.replaceAll("→", "\t") });
  }
  return found;
}

export const examples = read();
