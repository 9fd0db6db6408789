import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { place } from "./page.js";

// They make elements, which must be there first.
const { MarkdownStream } = await import("../../static/runnel/js/markdown/stream.js");
const { mark, marksIn } = await import("../../static/runnel/js/citing.js");
const { citationsIn, Sources } = await import("../../static/runnel/js/sources.js");

/** Return what an answer looks like whose words came in pieces, once it is read as it is stored: text, and marks by place. */
function shown(parts, pieces = null) {
  const sources = new Sources();
  const messages = [{ role: "user", parts: [{ kind: "text", text: "Where?" }] }, { role: "assistant", parts }];
  for (const { kind, item, data, annotations = [] } of parts) {
    for (const citation of kind === "text" ? annotations : citationsIn(item, data)) sources.add(citation);
  }
  const holder = place();
  const stream = new MarkdownStream(holder);
  for (const piece of pieces ?? parts.filter(({ kind }) => kind === "text").map(({ text }) => text)) {
    stream.append(piece);
    stream.paint(() => false);
  }
  stream.end();
  mark([stream], marksIn(messages), sources);
  while (!stream.paint(() => false));
  return holder;
}

const link = (url, title, range = {}) => ({ type: "url_citation", url, title, ...range });
const located = (url, title) => ({ type: "web_search_result_location", cited_text: "so", url, title });
const text = (words, ...annotations) => ({ kind: "text", text: words, annotations });
const A = ["https://a.example/", "A"];
const B = ["https://b.example/", "B"];
const AT = '<a href="https://a.example/" target="_blank" rel="noopener noreferrer" title="A">"[1]"</>';

describe("what is cited is marked where it is", () => {
  const cases = [
    ["a place that is counted", [text("One. Two.", link(...A, { start_index: 0, end_index: 4 }))], "One.[1] Two."],
    ["a place behind what is two units long", [text("😀😀 One. Two.", link(...A, { end_index: 7 }))], "😀😀 One.[1] Two."],
    ["one source at two places", [text("One. Two.", link(...A, { end_index: 4 }), link(...A, { end_index: 9 }))], "One.[1] Two.[1]"],
    ["one place once for each source", [text("One.", located(...A), located(...A), located(...B))], "One.[1][2]"],
    ["Chat Completions", [text("One. Two.", { type: "url_citation", url_citation: { url: A[0], title: "A", end_index: 4 } })], "One.[1] Two."],
    ["a block of Anthropic's", [text("So "), text("the sky is blue", located(...A)), text(", and "), text("far\n", located(...B))], "So the sky is blue[1], and far[2]"],
    ["numbers of the model's own", [text("One [2], two [1][2], three [3].", { url: A[0] }, { url: B[0] })], "One [2], two [1][2], three [3]."],
    ["numbers that are links already", [text("One [1](https://c.example).", { url: A[0] })], "One 1."],
    ["no place at all", [text("One.", link(...A, { start_index: 0, end_index: 0 }))], "One."],
    ["a place that is not there", [text("One.", link(...A, { end_index: 99 }))], "One."],
    [
      "a segment of Gemini's, counted in bytes",
      [
        text("Zürich. Yes."),
        {
          kind: "provider_item",
          item: "groundingMetadata",
          data: {
            groundingChunks: [{ web: { uri: A[0], title: "A" } }, { web: { uri: B[0], title: "B" } }],
            groundingSupports: [{ segment: { endIndex: 8, text: "Zürich." }, groundingChunkIndices: [1, 0, 7] }, { segment: null }, 3],
          },
        },
      ],
      "Zürich.[2][1] Yes.",
    ],
  ];
  for (const [name, parts, expected] of cases) {
    it(name, () => assert.equal(shown(parts).textContent, expected));
  }

  it("by a link that tells its title", () => {
    assert.ok(shown([text("One.", located(...A))]).outline.includes(`"One."<sup class="cite">${AT}</>`));
  });

  it("by words that tell it, where it has no address", () => {
    const { outline } = shown([text("One.", { type: "char_location", cited_text: "Uno", document_title: "A book" })]);
    assert.ok(outline.includes('<sup class="cite"><span title="A book">"[1]"</></>'));
  });

  it("by no link to what is no address of the web", () => {
    const { outline } = shown([text("One.", located("javascript:alert(1)", "A"))]);
    assert.doesNotMatch(outline, /javascript|<a /);
  });

  it("and its numbers are those of the list", () => {
    const { outline } = shown([text("One [2].", { url: A[0], title: "A" }, { url: B[0], title: "B" })]);
    assert.ok(outline.includes('title="B">"[2]"</>'));
  });
});

describe("a mark changes nothing else", () => {
  const texts = {
    "a fence": "```js\nlet a;\n```",
    "code in a line": "say `code here`",
    "a table": "| a | b |\n| - | - |",
    "a heading": "Title\n===",
    "a formula": "$$\na\n$$",
    "an address": "https://c.example/path",
    "a link": "see [this](https://c.example)",
    "a definition": "[c]\n\n[c]: https://c.example",
  };
  for (const [name, words] of Object.entries(texts)) {
    it(`behind and within ${name}`, () => {
      const plain = shown([text(words)]).outline;
      for (let end = 1; end <= words.length; end += 1) {
        const { outline } = shown([text(words, link(...A, { end_index: end }))]);
        assert.equal(outline.replace(`<sup class="cite">${AT}</>`, "").replaceAll('""', ""), plain, `${end}`);
      }
    });
  }

  it("however the words came", () => {
    const words = "- One *two*\n- three\n\n> four\n\n`five` six";
    for (let end = 1; end <= words.length; end += 1) {
      const parts = [text(words, link(...A, { end_index: end }))];
      assert.equal(shown(parts, [...words]).outline, shown(parts).outline);
    }
  });

  it("of what a model writes like a mark", () => {
    const words = "a {\ue0001 } b {\ue000";
    assert.equal(shown([text(words, link(...A, { end_index: 1 }))]).outline, shown([text(words)]).outline);
    assert.equal(shown([text("a {\ue000 b", link(...A, { end_index: 1 }))]).textContent, "a[1] {\ue000 b");
  });
});
