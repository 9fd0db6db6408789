import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { KEYS, KEYS_OF_FIELDS } from "../../static/runnel/js/keys.js";

const MODULES = ["shortcuts", "listactions"].map((name) => {
  return readFileSync(new URL(`../../static/runnel/js/${name}.js`, import.meta.url), "utf8");
});

describe("the keys", () => {
  it("are each those of an action", () => {
    const unused = Object.keys(KEYS).filter((name) => !MODULES.some((code) => code.includes(`KEYS.${name}`)));
    assert.deepEqual(unused, []);
  });

  it("are listed for every action that has some", () => {
    for (const code of MODULES) assert.doesNotMatch(code, /keys: "/);
  });

  it("mean one thing each", () => {
    const all = [...Object.values(KEYS), ...KEYS_OF_FIELDS].map(({ keys }) => keys);
    assert.deepEqual(all, [...new Set(all)]);
  });
});
