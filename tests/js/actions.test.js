import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { actionsFor, actionsWithKeys, isPressed, keyNames, offer } from "../../static/runnel/js/actions.js";
import { ranked } from "../../static/runnel/js/palette.js";

const run = () => {};
const event = (key, held = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});

describe("offer", () => {
  it("gives what can be done now, and takes it back", () => {
    let isThere = false;
    const remove = offer([
      { title: "Always", run },
      { title: "Sometimes", run, isOffered: () => isThere },
      { title: "Only a key of a field", keys: "Enter" },
    ]);
    const titles = () => actionsFor("").known.map(({ title }) => title);
    assert.deepEqual(titles(), ["Always"]);
    isThere = true;
    assert.deepEqual(titles(), ["Always", "Sometimes"]);
    assert.deepEqual(actionsWithKeys().map(({ title }) => title), ["Only a key of a field"]);
    remove();
    assert.deepEqual(titles(), []);
  });

  it("asks a function for what fits, also one that needs time, and does without one that fails", async () => {
    const removed = [
      offer((words) => [{ title: `At once ${words}`, run }]),
      offer(async (words) => [{ title: `Later ${words}`, run }]),
      offer(() => Promise.reject(new Error("no connection"))),
    ];
    const { known, coming } = actionsFor("x");
    assert.deepEqual(known.map(({ title }) => title), ["At once x"]);
    assert.deepEqual((await Promise.all(coming)).flat().map(({ title }) => title), ["Later x"]);
    for (const remove of removed) remove();
  });
});

describe("isPressed", () => {
  const cases = [
    ["Mod+K", event("k", { ctrlKey: true }), true],
    ["Mod+K", event("K", { ctrlKey: true, shiftKey: true }), false],
    ["Mod+K", event("k"), false],
    ["Mod+K", event("k", { metaKey: true }), false],
    ["Mod+Shift+O", event("O", { ctrlKey: true, shiftKey: true }), true],
    ["Mod+/", event("/", { ctrlKey: true, shiftKey: true }), true],
    ["Mod+/", event("/", { ctrlKey: true, altKey: true }), false],
    ["Escape", event("Escape"), true],
    ["Escape", event("Escape", { shiftKey: true }), false],
    ["Alt+Enter", event("Enter", { altKey: true }), true],
  ];
  for (const [keys, pressed, isRight] of cases) {
    it(`${JSON.stringify(pressed)} is ${isRight ? "" : "not "}${keys}`, () => {
      assert.equal(isPressed(keys, pressed), isRight);
    });
  }
  it("writes keys for people", () => assert.deepEqual(keyNames("Mod+Shift+ArrowUp"), ["Ctrl", "Shift", "↑"]));
});

describe("ranked", () => {
  const actions = [
    { title: "New conversation", also: "chat" },
    { title: "Copy the conversation" },
    { title: "Stop the answer", group: "Conversation" },
  ];
  const titles = (words) => ranked(actions, words).map(({ title }) => title);
  it("keeps the order without words", () => assert.equal(titles(" ").length, 3));
  it("finds by the beginning of the title first", () => assert.equal(titles("co")[0], "Copy the conversation"));
  it("finds by other words", () => assert.deepEqual(titles("chat"), ["New conversation"]));
  it("wants all words", () => assert.deepEqual(titles("stop conv"), ["Stop the answer"]));
  it("finds nothing", () => assert.deepEqual(titles("zzz"), []));
});
