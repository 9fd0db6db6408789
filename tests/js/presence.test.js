import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { getElementById: () => null };
const { presenceWords } = await import("../../static/runnel/js/presence.js");

const ADA = { name: "ada", kind: "owner" };
const EVE = { name: "eve", kind: "user" };

/** Return so many guests. */
function guests(count) {
  return { name: "", kind: "guest", count };
}

test("it tells who else looks at a conversation", () => {
  const cases = [
    [[ADA], "ada", ""],
    [[ADA, EVE], "ada", "eve looks at this too."],
    [[ADA, EVE], "eve", "ada looks at this too."],
    [[ADA, EVE, guests(2)], "ada", "eve and 2 guests look at this too."],
    [[ADA, guests(1)], "", "ada looks at this too."],
    [[ADA, guests(2)], "", "ada and 1 guest look at this too."],
    [[guests(1)], "", ""],
    [[guests(1)], "ada", "1 guest looks at this too."],
    [[], "ada", ""],
  ];
  for (const [people, me, words] of cases) assert.equal(presenceWords(people, me), words, JSON.stringify([people, me]));
});

test("of many it names some, and shows what is hidden in a name", () => {
  const many = Array.from({ length: 9 }, (_, index) => ({ name: `user${index}`, kind: "user" }));
  assert.equal(presenceWords(many, ""), "user0, user1, user2, user3, user4 and 4 more look at this too.");
  assert.equal(presenceWords([{ name: "e\u202eve", kind: "user" }], "ada"), "e\\u202eve looks at this too.");
});
