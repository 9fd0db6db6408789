import assert from "node:assert/strict";
import { describe, it } from "node:test";

import MarkdownIt from "../../static/vendor/markdown-it/markdown-it.esm.min.mjs";
import { examples } from "./commonmark.js";
import { place } from "./page.js";

// They make elements, which must be there first.
const { MarkdownStream } = await import("../../static/runnel/js/markdown/stream.js");
const { highlighterFor, takeNodes } = await import("../../static/runnel/js/markdown/highlight.js");

/** Cuts of each text beside those between all characters, and texts that are put together from the specification's examples. */
const CUTS = Number(process.env.MARKDOWN_CUTS || 4);
const TOGETHER = 150;

/** Texts of which a cut could make something else. */
const TRICKY = [
  "[a] and [b]\n\n- [b]\n\n[a]: https://a.example\n\ntext\n\n[b]: https://b.example 'title'\n",
  "[a]\n\n[a]: https://first.example\n\n[a]: https://second.example\n",
  "para\n===\n\npara\n---\nmore",
  "a | b\n- | -\n1 | 2\n\nend",
  "```js\nconst a = 1;\n\n\n```\n\nafter\n~~~~\n```\n~~~\n~~~~\nend",
  "  ```py\n   a\n  b\n c\n ```\nend",
  "````\n```\n``\n````` \nend",
  "- ```\n  a\n\n  b\n- c\n\nend",
  "a\r\nb\r\n\r\n```\r\nc\r\n```\rd",
  "$$\na\n$$\n\n$$\nb\n\nc\n$$\n\\[\nd\n\\]",
  "# a\n\n### b\n\n[c]\n\n# d\n\n[c]: https://c.example\n",
  "1. a\n\n   b\n2. c\n\n\n\n> d\ne\n\n<div>\n\n*f*",
  `\`\`\`\n${"line\n".repeat(90)}\n${"    more\n".repeat(60)}`,
  "😀 *a😀b* ".repeat(5),
];

let seed = 20;

/** Return a number below `limit`; the same ones in every run. */
function random(limit) {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * limit);
}

function cut(text, count) {
  const places = Array.from({ length: count }, () => random(text.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((begin, index) => text.slice(begin, places[index]));
}

/** Return what a text looks like that came in pieces, each of which was shown. */
function drawn(pieces) {
  const holder = place();
  const stream = new MarkdownStream(holder);
  for (const piece of pieces) {
    stream.append(piece);
    stream.paint(() => false);
  }
  stream.end();
  stream.paint(() => false);
  assert.equal(stream.source, pieces.join(""));
  return holder.outline;
}

function together() {
  const count = 2 + random(4);
  return Array.from({ length: count }, () => examples[random(examples.length)].markdown).join(random(2) ? "\n" : "");
}

describe("Markdown that comes in pieces looks like the whole", () => {
  const texts = [...TRICKY, ...examples.map(({ markdown }) => markdown), ...Array.from({ length: TOGETHER }, together)];

  for (const [index, text] of texts.entries()) {
    it(`text ${index}: ${JSON.stringify(text.slice(0, 60))}`, () => {
      const whole = drawn([text]);
      assert.equal(drawn([...text]), whole, "character by character");
      for (let left = CUTS; left > 0; left -= 1) {
        const pieces = cut(text, 1 + random(5));
        assert.equal(drawn(pieces), whole, JSON.stringify(pieces));
      }
    });
  }
});

describe("what cannot change any more", () => {
  function open(text) {
    const holder = place();
    const stream = new MarkdownStream(holder);
    stream.append(text);
    stream.paint(() => false);
    return { holder, stream };
  }

  it("stays the same element", () => {
    const { holder, stream } = open("one\n\ntwo");
    const [first, second] = holder.childNodes;
    stream.append(" and more\n\nthree");
    stream.paint(() => false);
    assert.equal(holder.childNodes[0], first);
    assert.equal(holder.childNodes[1], second);
    assert.equal(second.textContent, "two and more");
  });

  it("stays although it is linked later", () => {
    const { holder, stream } = open("- [a] b\n- c\n\ntwo\n\n");
    const [list] = holder.childNodes;
    stream.append("[a]: https://a.example\n\nend\n");
    stream.paint(() => false);
    assert.equal(holder.childNodes[0], list);
    assert.match(list.outline, /href="https:\/\/a\.example\/"/);
  });

  it("is not the line that may close a block of code", () => {
    const { holder, stream } = open("```\na\n");
    stream.append("``");
    stream.paint(() => false);
    assert.doesNotMatch(holder.textContent, /`/);
    stream.append("b");
    stream.paint(() => false);
    assert.match(holder.textContent, /a\n``b$/);
  });

  it("waits when it is late", () => {
    const holder = place();
    const stream = new MarkdownStream(holder);
    stream.append("word ".repeat(10_000));
    assert.equal(stream.paint(() => true), false);
    assert.ok(holder.textContent.length < 10_000);
    while (!stream.paint(() => true));
    assert.equal(holder.textContent.length, 50_000 - 1);
  });
});

describe("a long block that is being written", () => {
  function slowly(t, piece, count) {
    let now = 0;
    let parsed = 0;
    t.mock.method(performance, "now", () => now);
    t.mock.method(MarkdownIt.prototype, "parse", function parse(source, ...more) {
      parsed += source.length;
      return parseAll.call(this, source, ...more);
    });
    const holder = place();
    const stream = new MarkdownStream(holder);
    for (let written = 0; written < count; written += 1) {
      stream.append(piece);
      stream.paint(() => false);
      now += 20;
    }
    return { holder, stream, parsed: () => parsed, later: (seconds) => (now += seconds * 1000) };
  }
  const { parse: parseAll } = MarkdownIt.prototype;
  const item = "- one of many words in a list\n";

  it("is not parsed again with each delta", (t) => {
    const { stream, parsed } = slowly(t, item.repeat(4), 400);
    // All of it with each delta would be 19 million characters.
    assert.ok(parsed() < 6_000_000, `${parsed()}`);
    stream.end();
    stream.paint(() => false);
  });

  it("shows what has come a little later, and all of it in the end", (t) => {
    const { holder, stream, later } = slowly(t, item.repeat(4), 250);
    later(1);
    assert.equal(stream.paint(() => false), true);
    assert.equal(holder.childNodes[0].childNodes.length, 1000);
    stream.append(item);
    stream.end();
    stream.paint(() => false);
    assert.equal(holder.childNodes[0].childNodes.length, 1001);
  });

  it("that comes at once is parsed a few times", (t) => {
    const { holder, stream, parsed } = slowly(t, item.repeat(3000), 1);
    stream.end();
    while (!stream.paint(() => true));
    assert.equal(holder.childNodes[0].childNodes.length, 3000);
    assert.ok(parsed() < 7 * item.length * 3000, `${parsed()}`);
  });
});

describe("colours", () => {
  const codes = {
    js: "const a = `x ${b} `; /* c */ <div>hi</div>\n",
    html: "<script>let a = 1</script><style>a{b:c}</style>\n",
    python: 'def f(x):\n  """a\n  b"""\n',
    MD: "# a\n<b>x</b>\n",
    toml: "[a]\nb = 1\n",
  };
  for (const [label, code] of Object.entries(codes)) {
    it(`of ${label} change no character`, async () => {
      const highlight = await highlighterFor(label);
      const runs = highlight(code);
      assert.ok(runs.some(({ scope }) => scope));
      const nodes = [...takeNodes(runs, 10), ...takeNodes(runs, code.length - 10)];
      assert.equal(nodes.map(({ textContent }) => textContent).join(""), code);
      assert.deepEqual(runs, []);
    });
  }

  for (const label of ["", "nonesuch", "constructor", "__proto__"]) {
    it(`are not there for ${JSON.stringify(label)}`, async () => assert.equal(await highlighterFor(label), null));
  }
});
