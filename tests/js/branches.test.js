import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { branchOf, forksOf } from "../../static/runnel/js/branches.js";

const fork = (after, shown, ...runs) => ({ after, shown, runs });

describe("branchOf", () => {
  it("is the same while the same versions are shown, however many there are", () => {
    assert.equal(branchOf({ forks: [fork("m", "b", "a", "b")] }), branchOf({ forks: [fork("m", "b", "a", "b", "c")] }));
  });
  it("is another one where another version is shown", () => {
    assert.notEqual(branchOf({ forks: [fork("m", "b", "a", "b")] }), branchOf({ forks: [fork("m", "a", "a", "b")] }));
  });
  it("is that of a conversation without versions where nothing is told", () => {
    assert.equal(branchOf({}), branchOf({ forks: [] }));
  });
});

describe("forksOf", () => {
  const atStart = fork(null, "b", "a", "b");
  const atAnswer = fork("m1", "b", "b", "c");
  const cases = [
    ["a question at the beginning", { id: "b", parent_id: null, begins: "branch" }, [atStart], [atStart, null]],
    ["a question and its answer", { id: "b", parent_id: null, begins: "branch" }, [atStart, atAnswer], [atStart, atAnswer]],
    ["an answer that was given again", { id: "b", parent_id: "m1", begins: "again" }, [atAnswer], [null, atAnswer]],
    ["an answer that went on", { id: "b", parent_id: "m1", begins: "continue" }, [atAnswer], [null, atAnswer]],
    ["a run that is in none", { id: "x", parent_id: null, begins: "" }, [atStart, atAnswer], [null, null]],
  ];
  for (const [name, run, forks, [question, answer]] of cases) {
    it(`finds the versions of ${name}`, () => assert.deepEqual(forksOf(run, forks), { question, answer }));
  }
});
