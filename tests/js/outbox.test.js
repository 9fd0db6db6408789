import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const stored = new Map();
let isFull = false;
globalThis.sessionStorage = {
  getItem: (key) => stored.get(key) ?? null,
  setItem: (key, value) => {
    if (isFull) throw new Error("QuotaExceededError");
    stored.set(key, value);
  },
  removeItem: (key) => stored.delete(key),
};
const { drop, keep, kept, wordsOf } = await import("../../static/runnel/js/outbox.js");

beforeEach(() => {
  stored.clear();
  isFull = false;
});

/** Return a frame that starts a run. */
function start(run_id, more = {}) {
  return { type: "start", run_id, model: "emulator/hello", input: "hi", ...more };
}

test("a start is kept until it is answered, once, in the order in which it was sent", () => {
  keep(start("1"));
  keep(start("2"));
  keep(start("1", { id: "7" }));
  assert.deepEqual(kept().map(({ run_id: id }) => id), ["2", "1"]);
  drop(start("2"));
  assert.deepEqual(kept().map(({ run_id: id }) => id), ["1"]);
  drop(start("1"));
  assert.equal(stored.size, 0);
});

test("nothing else is kept, and what cannot be stored or read does no harm", () => {
  keep({ type: "cancel", run_id: "1" });
  keep({ type: "start" });
  assert.equal(stored.size, 0);
  isFull = true;
  keep(start("1"));
  isFull = false;
  stored.set("runnel.outbox", "{no json");
  assert.deepEqual(kept(), []);
  drop(start("1"));
});

test("the words of a frame are those that were written", () => {
  const content = [{ type: "text", text: "look" }, { type: "image", source: {} }];
  assert.equal(wordsOf(start("1")), "hi");
  assert.equal(wordsOf(start("1", { input: [{ content }, { content: " here" }] })), "look here");
  assert.equal(wordsOf({}), "");
});
