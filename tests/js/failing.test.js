import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { place } from "./page.js";

// They make elements, which must be there first.
const { MarkdownStream } = await import("../../static/runnel/js/markdown/stream.js");
const { markdown } = await import("../../static/runnel/js/markdown/parser.js");
const { paintSoon, schedule } = await import("../../static/runnel/js/text.js");
const { Sources } = await import("../../static/runnel/js/sources.js");

let frame;
globalThis.requestAnimationFrame = (callback) => {
  frame = callback;
  return 0;
};

const BAD = "cannot be drawn";

// A parser with a mistake that nobody knows yet.
markdown.core.ruler.push("mistake", ({ src }) => {
  if (src.includes(BAD)) throw new Error("a mistake");
});

describe("an answer that cannot be drawn", () => {
  let logged;
  beforeEach(() => {
    logged = mock.method(console, "error", () => {});
  });
  afterEach(() => logged.mock.restore());

  it("shows its words as they are, and what comes later", () => {
    const holder = place();
    const stream = new MarkdownStream(holder);
    stream.append("one\n\n*two*\n\n");
    stream.paint(() => false);
    stream.append(`${BAD}\n\n`);
    stream.paint(() => false);
    stream.append("*three*");
    stream.end();
    assert.equal(holder.textContent, `one\n\n*two*\n\n${BAD}\n\n*three*`);
    assert.equal(logged.mock.callCount(), 1);
  });

  it("leaves the others of the same frame alone", () => {
    const painted = [];
    const failing = { paint() { throw new Error("a mistake"); } };
    const other = { paint: () => painted.push("other") };
    schedule(other);
    schedule(failing);
    frame();
    assert.deepEqual(painted, ["other"]);
    assert.equal(logged.mock.callCount(), 1);
  });

  it("does not stop who ends it", () => {
    assert.doesNotThrow(() => paintSoon({ paint() { throw new Error("a mistake"); } }));
    assert.equal(logged.mock.callCount(), 1);
  });
});

describe("a source", () => {
  for (const url of ["mailto:%FF", "mailto:%E9lodie@example.org"]) {
    it(`is listed with any escapes: ${url}`, () => {
      const sources = new Sources();
      sources.add({ url, title: "who" });
      assert.equal(sources.element.textContent, "who");
      assert.ok(sources.element.outline.includes(`href="${url}"`));
    });
  }
});
