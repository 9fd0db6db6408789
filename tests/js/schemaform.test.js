// How each argument of a tool is edited in its form; what happens in it is tested in a browser.

import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { remaining } from "../../static/runnel/js/format.js";
import { kindOf } from "../../static/runnel/js/schemaform.js";

test("a simple argument has a field of its kind", () => {
  for (const [schema, value, kind] of [
    [{ type: "string" }, "a", "text"],
    [{ type: "string" }, undefined, "text"],
    [{ type: "integer" }, 3, "integer"],
    [{ type: "number" }, 2.5, "number"],
    [{ type: "boolean" }, true, "switch"],
    [{ type: "string", enum: ["a", "b"] }, "a", "choice"],
  ]) assert.equal(kindOf(schema, value), kind);
});

test("all that a field cannot show as it is stays JSON", () => {
  for (const [schema, value] of [
    [{ type: "string" }, 7],
    [{ type: "integer" }, "7"],
    [{ type: "boolean" }, "true"],
    [{ type: "array" }, [1]],
    [{ type: "object" }, {}],
    [{ type: "string" }, { a: 1 }],
    [{ type: "string" }, "a\u202eb"],
    [{ type: "string" }, "a\u200bb"],
    [{ type: "string" }, "a\u0000b"],
    [{ type: "constructor" }, "a"],
    [{ type: "__proto__" }, undefined],
    [{ enum: [1, 2] }, 1],
    [{ enum: [] }, "a"],
    [{}, "a"],
  ]) assert.equal(kindOf(schema, value), "json", JSON.stringify([schema, value]));
});

test("how long is left is told to the second at the end", () => {
  for (const [seconds, words] of [
    [-1, "expired"],
    [0, "expired"],
    [0.4, "1 s left"],
    [59, "59 s left"],
    [61.5, "1 min 2 s left"],
    [600, "10 min left"],
    [86_399, "23 h 59 min left"],
    [86_400 * 3, "3 days left"],
  ]) assert.equal(remaining(seconds).replaceAll("\u00a0", " "), words);
});
