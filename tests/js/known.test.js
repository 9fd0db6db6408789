import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** Requests that wait for their answer, in their order. */
const held = [];
globalThis.document = { querySelector: () => null };
globalThis.fetch = () => new Promise((resolve) => held.push(resolve));
const { KnownConversations } = await import("../../static/runnel/js/known.js");

const NOTHING_SHUT = new Set();

/** Answer the request that waits for longest, and let the page read it. */
async function answer(values) {
  held.shift()({ status: 200, json: async () => ({ before: null, ...values }) });
  await new Promise(setImmediate);
}

/** Return an entry that was last used at a day of March. */
function used(id, day, more = {}) {
  return { id, title: id, updated_at: new Date(Date.UTC(2026, 2, day)).toISOString(), pinned: false, folder: "", ...more };
}

/** Return what knows the conversation "a" and the folder "F", with more before "a". */
async function knowing() {
  const known = new KnownConversations();
  const reading = known.readNewest(new Set(["F"]));
  await answer({ conversations: [used("a", 20)], before: "a place", folders: ["F"] });
  await reading;
  return known;
}

function ids(known) {
  return known.shown.map(({ id }) => id).sort();
}

/** The three readings: each is begun, and answered with some entries. */
const READINGS = {
  newest: {
    begin: (known) => known.readNewest(NOTHING_SHUT),
    answer: (entries) => answer({ conversations: [used("a", 20), ...entries] }),
  },
  older: { begin: (known) => known.readOlder(), answer: (entries) => answer({ conversations: entries }) },
  folder: { begin: (known) => known.readFolder("F"), answer: (entries) => answer({ conversations: entries }) },
};

beforeEach(() => held.splice(0));

for (const [name, reading] of Object.entries(READINGS)) {
  test(`what goes while the ${name} are read stays away, also later`, async () => {
    for (const go of [
      (known) => known.take(used("x", 1, { deleted: true })),
      (known) => known.take(used("x", 1, { archived: true })),
      (known) => known.remove("x"),
      (known) => {
        known.take(used("x", 1, { title: "told before" }));
        known.remove("x");
      },
    ]) {
      const known = await knowing();
      const done = reading.begin(known);
      go(known);
      await reading.answer([used("x", 1)]);
      await done;
      assert.deepEqual(ids(known), ["a"], String(go));
      const again = known.readNewest(NOTHING_SHUT);
      await answer({ conversations: [used("a", 20)] });
      await again;
      assert.deepEqual(ids(known), ["a"], String(go));
    }
  });

  test(`what is told while the ${name} are read wins over what was read, unless that is newer`, async () => {
    for (const [told, read, title] of [
      [20, 19, "told"],
      [20, 20, "told"],
      [20, 21, "read"],
    ]) {
      const known = await knowing();
      const done = reading.begin(known);
      known.take(used("x", told, { title: "told" }));
      // What is known already stays, whatever comes with older ones.
      const expected = name === "older" ? "told" : title;
      await reading.answer([used("x", read, { title: "read" })]);
      await done;
      assert.equal(known.entry("x").title, expected);
    }
  });
}

test("what begins while the newest are read stays, although the answer is older", async () => {
  const known = await knowing();
  const done = known.readNewest(NOTHING_SHUT);
  known.take(used("new", 21));
  await answer({ conversations: [used("a", 20)] });
  await done;
  assert.deepEqual(ids(known), ["a", "new"]);
});

test("what is deleted stays away until the last reading that was begun before has ended", async () => {
  const known = await knowing();
  const older = known.readOlder();
  const newest = known.readNewest(NOTHING_SHUT);
  known.remove("x");
  await answer({ conversations: [used("x", 1)] });
  await older;
  await answer({ conversations: [used("a", 20), used("x", 1)] });
  await newest;
  assert.deepEqual(ids(known), ["a"]);
});

test("what is deleted again while the list is read stays away", async () => {
  const known = await knowing();
  known.remove("a");
  const done = known.readNewest(NOTHING_SHUT);
  known.take(used("a", 20));
  known.remove("a");
  await answer({ conversations: [used("a", 20)] });
  await done;
  assert.deepEqual(ids(known), []);
});

test("older ones that do not follow the newest any more are left out", async () => {
  const known = await knowing();
  const older = known.readOlder();
  const newest = known.readNewest(NOTHING_SHUT);
  const [askedOlder] = held.splice(0, 1);
  await answer({ conversations: [used("n", 30)], before: "another place" });
  await newest;
  held.push(askedOlder);
  await answer({ conversations: [used("x", 1)], before: "far away" });
  await older;
  assert.deepEqual(ids(known), ["n"]);
  assert.ok(known.hasOlder);
});

test("a folder that cannot be read keeps nothing else from the list", async () => {
  const known = await knowing();
  const done = known.readNewest(NOTHING_SHUT);
  await answer({ conversations: [used("a", 20)], folders: ["F", "G"] });
  held.shift()({ status: 500, json: async () => null });
  known.remove("g");
  await answer({ conversations: [used("g", 2, { folder: "G" }), used("h", 2, { folder: "G" })] });
  await done;
  assert.deepEqual(ids(known), ["a", "h"]);
});

test("what was deleted and is there again comes back", async () => {
  const known = await knowing();
  known.remove("a");
  assert.deepEqual(ids(known), []);
  assert.equal(known.open({ ...used("a", 20), runs: [], shared: null }), false);
  known.take(used("a", 20));
  assert.deepEqual(ids(known), ["a"]);
  known.remove("a");
  // It was restored where nothing could be told: the next reading that was begun after it has it.
  const done = known.readNewest(NOTHING_SHUT);
  await answer({ conversations: [used("a", 20)] });
  await done;
  assert.deepEqual(ids(known), ["a"]);
});

test("an archived conversation on the page is known, and not in the list", async () => {
  const known = await knowing();
  const done = known.readNewest(NOTHING_SHUT);
  known.take(used("x", 1, { archived: true }));
  assert.ok(known.open({ ...used("x", 1, { archived: true }), runs: [], shared: null }));
  await answer({ conversations: [used("a", 20)] });
  await done;
  assert.deepEqual(ids(known), ["a"]);
  assert.ok(known.entry("x").archived);
  // It is older than what was asked for, and in the list all the same, because it is on the page.
  known.take(used("x", 1));
  assert.deepEqual(ids(known), ["a", "x"]);
  known.take(used("x", 1, { archived: true }));
  assert.deepEqual(ids(known), ["a"]);
  assert.ok(known.entry("x").archived);
  known.leave();
  assert.equal(known.entry("x"), undefined);
});

test("the conversation on the page is in its folder, also if that was not read", async () => {
  const known = await knowing();
  known.open({ ...used("x", 1, { folder: "F", pinned: true }), runs: [], shared: null });
  assert.deepEqual([known.entry("x").folder, known.entry("x").pinned], ["F", true]);
});

test("a folder that could not be read is read again", async () => {
  const known = await knowing();
  const failing = known.readFolder("F");
  held.shift()({ status: 500, json: async () => null });
  await assert.rejects(failing);
  const done = known.readFolder("F");
  await answer({ conversations: [used("f", 2, { folder: "F" })] });
  await done;
  assert.deepEqual(ids(known), ["a", "f"]);
  await known.readFolder("F");
  assert.equal(held.length, 0);
});
