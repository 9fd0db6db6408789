import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { inputOf, newId, startFrame } from "../../static/runnel/js/frames.js";
import { startFields } from "../../static/runnel/js/settings.js";

// Node.js 18, of Debian 12, is older than the browsers that the page is for.
const skip = "toWellFormed" in String.prototype ? false : "needs Node.js 20";

describe("newId", () => {
  it("is a UUID, another one each time", () => {
    const ids = new Set(Array.from({ length: 50 }, newId));
    assert.equal(ids.size, 50);
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe("inputOf", () => {
  const file = { type: "image", source: { type: "file", value: "1" } };
  it("is plain words without files", { skip }, () => assert.equal(inputOf("i", "Hi", []), "Hi"));
  it("is a message with files", { skip }, () => {
    assert.deepEqual(inputOf("i", "Hi", [file]), [{ id: "i", role: "user", content: [{ type: "text", text: "Hi" }, file] }]);
  });
  it("leaves out words that show nothing", { skip }, () => {
    assert.deepEqual(inputOf("i", " ", [file])[0].content, [file]);
  });
});

describe("startFrame", () => {
  const made = (asked) => {
    const { run_id: id, ...frame } = startFrame({ model: "a/b", settings: {}, ...asked });
    assert.ok(id);
    return frame;
  };
  it("holds no more than was asked", () => assert.deepEqual(made({ input: "x" }), { type: "start", model: "a/b", input: "x" }));
  it("answers again without words of its own, also at the beginning", () => {
    assert.deepEqual(made({ after: "m", conversation: "c" }), { type: "start", model: "a/b", conversation_id: "c", parent_id: "m" });
    assert.equal(made({ input: "x", after: null }).parent_id, null);
  });
  it("says what becomes of it while another run goes on", () => {
    assert.equal(made({ input: "x", whenBusy: "queue" }).when_busy, "queue");
  });
  it("brings tools and settings together", () => {
    const settings = startFields({ system: "S", temperature: 0, reasoning_effort: "low", budget: { tokens: 5 } });
    assert.deepEqual(made({ input: "x", tools: [], settings }), {
      type: "start",
      model: "a/b",
      input: "x",
      options: { reasoning_effort: "low", temperature: 0, tools: [] },
      system: "S",
      budget: { tokens: 5 },
    });
  });
});

describe("startFields", () => {
  it("leaves out what is as usual", () => assert.deepEqual(startFields({ system: "", budget: {} }), {}));
});
