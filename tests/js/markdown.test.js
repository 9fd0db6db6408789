import assert from "node:assert/strict";
import { describe, it } from "node:test";

import MarkdownIt from "../../static/vendor/markdown-it/markdown-it.esm.min.mjs";
import { markdown, parse } from "../../static/runnel/js/markdown/parser.js";
import { treeOf } from "../../static/runnel/js/markdown/tree.js";
import { examples } from "./commonmark.js";

/** Bare addresses, which are links here, as they are on GitHub. */
const BARE = new Set([602, 608, 611, 612]);

const withHtml = new MarkdownIt("commonmark", { html: true });

function isHtml(tokens) {
  return tokens.some(({ type, children }) => type.startsWith("html_") || isHtml(children ?? []));
}

/** Return HTML without what the specification leaves open: how empty elements end, and line breaks in them. */
function plain(html) {
  return html.replace(/<(br|hr|img[^>]*?) ?\/?>/g, "<$1>").replaceAll("<blockquote>\n</", "<blockquote></");
}

describe("CommonMark 0.31.2", () => {
  const allowed = examples.filter((each) => !isHtml(withHtml.parse(each.markdown, {})) && !BARE.has(each.number));

  it("has its examples here", () => {
    assert.equal(examples.length, 652);
    assert.ok(allowed.length > 570, `${allowed.length} without HTML`);
  });

  for (const { number, section, markdown: source, html } of allowed) {
    it(`${section}, example ${number}`, () => {
      assert.equal(plain(markdown.renderer.render(parse(source), markdown.options, {})), plain(html));
    });
  }
});

/** Return the one block of a text. */
function only(source) {
  const trees = treeOf(parse(source));
  assert.equal(trees.length, 1);
  return trees[0];
}

function find(tree, matches) {
  return matches(tree) ? tree : (tree.children ?? []).map((child) => find(child, matches)).find(Boolean);
}

const link = (source) => find(only(source), ({ tag }) => tag === "a");

describe("a tree", () => {
  it("tells who is behind a link, unless its words do", () => {
    assert.equal(link("[the bank](https://evil.example/login)").attributes["data-host"], "evil.example");
    assert.equal(link("[bank.example](https://evil.example)").attributes["data-host"], "evil.example");
    assert.equal(link("<https://bank.example@evil.example/>").attributes["data-host"], "evil.example");
    assert.equal(link("[x](https://аррӏе.com)").attributes["data-host"], "xn--80ak6aa92e.com");
    assert.equal(link("https://bank.example/login").attributes["data-host"], undefined);
    assert.equal(link("[bank.example](https://bank.example/login)").attributes["data-host"], undefined);
  });

  for (const [source, host] of [
    ["[x](mailto:%FF)", "%FF"],
    ["<mailto:%FF@a.bc>", "%FF@a.bc"],
    ["write to mailto:%E9lodie@example.org", "%E9lodie@example.org"],
    ["[x](mailto:%C3%A9lodie@example.org)", "élodie@example.org"],
  ]) {
    it(`takes an address with any escapes: ${source}`, () => {
      assert.equal(link(source).attributes["data-host"], host);
    });
  }

  it("opens links in a tab that knows nothing of this one", () => {
    const { target, rel } = link("[x](https://a.example)").attributes;
    assert.deepEqual([target, rel], ["_blank", "noopener noreferrer"]);
  });

  for (const address of ["/logout/", "//evil.example", "javascript:alert(1)", "data:text/html,x", "ftp://a.example", "#a", "x:y"]) {
    it(`makes no link to ${address}`, () => assert.equal(link(`[x](${address})`), undefined));
  }

  it("loads no picture: it links to it", () => {
    const picture = only("![a map](https://a.example/map.png)");
    assert.equal(find(picture, ({ tag }) => tag === "img"), undefined);
    assert.equal(find(picture, ({ tag }) => tag === "a").attributes.href, "https://a.example/map.png");
  });

  it("puts no link into a link", () => {
    const outer = link("[![a map](https://a.example/map.png)](https://b.example)");
    assert.equal(outer.attributes.href, "https://b.example/");
    assert.equal(find(outer.children[0], ({ tag }) => tag === "a"), undefined);
  });

  it("keeps HTML as text", () => {
    assert.deepEqual(only("a <b onclick=x>c</b>").children, ["a <b onclick=x>c</b>"]);
  });

  it("has boxes for tasks, in tight and in loose lists", () => {
    for (const source of ["- [x] a\n- [ ] b", "- [x] a\n\n- [ ] b"]) {
      const boxes = only(source).children.map((item) => find(item, ({ tag }) => tag === "input").attributes.checked);
      assert.deepEqual(boxes, [true, false]);
    }
    assert.equal(find(only("- a [x] b"), ({ tag }) => tag === "input"), undefined);
  });

  it("aligns the cells of a table, and lets it scroll", () => {
    const table = only("| a | b |\n|--:|:-:|\n| 1 | 2 |");
    assert.equal(table.attributes.tabindex, "0");
    assert.equal(find(table, ({ tag }) => tag === "td").attributes.class, "right");
  });

  it("leaves out no level of headings", () => {
    const tags = treeOf(parse("### a\n\n# b\n\n###### c")).map(({ tag }) => tag);
    assert.deepEqual(tags, ["h3", "h3", "h4"]);
  });

  it("names the language of code by its first word", () => {
    assert.deepEqual(only("```js title=x\na\n```"), { widget: "code", text: "a\n", language: "js" });
    assert.deepEqual(only("    a"), { widget: "code", text: "a\n", language: "" });
  });
});

describe("a formula", () => {
  const formula = (source) => find(only(source), ({ widget }) => widget === "formula");

  for (const source of ["$x^2$", "\\(x^2\\)", "a $x^2$ b"]) {
    it(`is ${source}`, () => assert.equal(formula(source).source, "x^2"));
  }
  for (const source of ["$$\nx\n$$", "\\[\nx\n\\]", "$$ x $$", "- a\n  $$\n  x\n  $$", "> \\[ x \\]"]) {
    it(`stands on lines of its own: ${JSON.stringify(source)}`, () => {
      assert.equal(formula(source).isBlock, true);
      assert.equal(formula(source).source.trim(), "x");
    });
  }
  it("is looked for once in text that opens many and closes none", () => {
    const searched = [];
    const indexOf = String.prototype.indexOf;
    String.prototype.indexOf = function (what, ...rest) {
      if (what === "\\)" || what === "\\]") searched.push(what);
      return indexOf.call(this, what, ...rest);
    };
    try {
      parse("\\(".repeat(1000));
      parse("\\[a\n".repeat(1000));
    } finally {
      String.prototype.indexOf = indexOf;
    }
    assert.ok(searched.length < 5000, `${searched.length} searches`);
  });

  for (const source of ["$5 and $6", "from $5/month to $10/month", "$ x $", "a $x", "\\(\\)", "`$x$`", "\\$x$", "$$\na"]) {
    it(`is not ${JSON.stringify(source)}`, () => assert.equal(formula(source), undefined));
  }
});
