import assert from "node:assert/strict";
import { test } from "node:test";

import { groupsOf, period } from "../../static/runnel/js/listgroups.js";

const NOW = new Date(2026, 10, 29, 12).getTime();

/** Return an entry that was used on a day of local time. */
function used(year, month, day, hour = 9, more = {}) {
  return { id: `${year}-${month}-${day}-${hour}`, updated_at: new Date(year, month - 1, day, hour).toISOString(), ...more };
}

test("a period is told by days of local time", () => {
  const cases = [
    [used(2026, 11, 29, 0), "Today"],
    [used(2026, 11, 30, 1), "Today"],
    [used(2026, 11, 28, 23), "Yesterday"],
    [used(2026, 11, 28, 0), "Yesterday"],
    [used(2026, 11, 27, 23), "Previous 7 days"],
    [used(2026, 11, 22, 1), "Previous 7 days"],
    [used(2026, 11, 21, 23), "Previous 30 days"],
    [used(2026, 10, 31, 1), "Previous 30 days"],
    [used(2026, 10, 20), "October 2026"],
    [used(2025, 3, 1), "March 2025"],
  ];
  for (const [entry, words] of cases) assert.equal(period(entry, NOW), words, entry.id);
});

test("yesterday is a day before today, also where a day has 25 hours", () => {
  for (let month = 0; month < 12; month++) {
    for (let day = 1; day < 29; day++) {
      const now = new Date(2026, month, day, 0, 30).getTime();
      const before = new Date(2026, month, day - 1, 0, 10);
      assert.equal(period({ updated_at: before.toISOString() }, now), "Yesterday");
    }
  }
});

test("pinned ones come first, then folders by their letters, then the rest by age", () => {
  const entries = [
    used(2026, 10, 1),
    used(2026, 11, 29, 8, { folder: "work" }),
    used(2026, 11, 29, 9),
    used(2026, 11, 29, 10),
    used(2024, 1, 1, 9, { pinned: true, folder: "work" }),
    used(2026, 11, 28, 9, { folder: "Ärger" }),
  ];
  const groups = groupsOf(entries, ["work", "Empty"], NOW);
  assert.deepEqual(
    groups.map(({ title, entries: members }) => [title, members.length]),
    [["Pinned", 1], ["Ärger", 1], ["Empty", 0], ["work", 1], ["Today", 2], ["October 2026", 1]],
  );
  assert.deepEqual(groups[4].entries.map(({ id }) => id), ["2026-11-29-10", "2026-11-29-9"]);
});
