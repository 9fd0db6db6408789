import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isJson, pretty, prettyResult, problemOf } from "../../static/runnel/js/json.js";

describe("isJson", () => {
  const cases = [["{}", true], [" 1 ", true], ['"a"', true], ["", false], ["{", false], ["{a: 1}", false], ["1 2", false]];
  for (const [text, expected] of cases) {
    it(`says ${expected} of ${text || "nothing"}`, () => assert.equal(isJson(text), expected));
  }
});

describe("pretty", () => {
  it("keeps what is short on one line", () => assert.equal(pretty('{"a":1,"b":[2,3]}'), '{"a": 1, "b": [2, 3]}'));

  it("breaks what is long, and leaves empty brackets together", () => {
    const long = "x".repeat(68);
    assert.equal(pretty(`{"a":"${long}","b":[],"c":{}}`), `{\n  "a": "${long}",\n  "b": [],\n  "c": {}\n}`);
  });

  it("changes no value: long numbers and doubled keys stay", () => {
    assert.equal(pretty('{"a":12345678901234567890,"a":1e400}'), '{"a": 12345678901234567890, "a": 1e400}');
  });

  it("takes no punctuation in a text for its own", () => {
    assert.equal(pretty('{"a":"{,:\\"}]"}'), '{"a": "{,:\\"}]"}');
  });

  it("stays short however deep it is", () => {
    const deep = `${"[".repeat(4_000)}1${"]".repeat(4_000)}`;
    assert.equal(pretty(deep), deep);
  });

  it("shows what is hidden", () => assert.equal(pretty('["a\u202eb"]'), '["a\\u202eb"]'));
  it("shows what is hidden beyond 16 bits", () => assert.equal(pretty('["\u{e0041}"]'), '["\\udb40\\udc41"]'));
  it("leaves the joiners of emoji", () => assert.equal(pretty('["\u{1f469}\u200d\u{1f4bb}"]'), '["\u{1f469}\u200d\u{1f4bb}"]'));
  it("leaves what is no JSON", () => assert.equal(pretty('{"a":1'), '{"a":1'));
});

describe("prettyResult", () => {
  it("breaks objects and arrays", () => assert.equal(prettyResult("[1,2]"), "[1, 2]"));
  it("leaves other texts", () => assert.equal(prettyResult("1.0"), "1.0"));
});

describe("problemOf", () => {
  const kept = [
    "0", "-0", "0.0", "0e9", "1", "-1", "1.0", "1500", "1.5e3", "1.50E+3", "0.1", "0.10", "1e-7", "1e21", "1e23",
    "9007199254740991", "9007199254740992", "123456789012345680000", "1.7976931348623157e308", "5e-324",
  ];
  for (const number of kept) {
    it(`finds nothing wrong with ${number}`, () => assert.equal(problemOf(`{"a": [${number}]}`), ""));
  }

  const changed = [
    ["9007199254740993", /^9007199254740993 has too many digits to be sent exactly\./],
    ["12345678901234567890", /^12345678901234567890 has too many digits/],
    ["1.12345678901234567890", /^1\.12345678901234567890 has too many digits/],
    ["0.30000000000000000004", /^0\.30000000000000000004 has too many digits/],
    ["-12345678901234567890e-5", /^-12345678901234567890e-5 has too many digits/],
    ["1e400", /^1e400 is too large to be sent\./],
    ["-1e400", /^-1e400 is too large/],
    ["1e-400", /^1e-400 is too small to be sent\./],
  ];
  for (const [number, expected] of changed) {
    it(`tells that ${number} would be changed`, () => {
      assert.match(problemOf(`{"a": 1, "b": {"c": ${number}}}`), expected);
    });
  }

  const doubled = [
    ['{"a": 1, "a": 2}', '"a"'],
    ['{"a": 1, "b": {"c": 1, "d": [{"e": 1, "e": 1}]}}', '"e"'],
    ['{"a": 1, "\\u0061": 2}', '"\\u0061"'],
    ['{"": 1, "": 2}', '""'],
  ];
  for (const [text, key] of doubled) {
    it(`tells that a key stands twice in ${text}`, () => assert.equal(
      problemOf(text), `The key ${key} stands twice in one object. Only one of the two can be sent.`,
    ));
  }
  for (const text of ['{"a": {"a": 1}}', '{"a": [{"b": 1}, {"b": 2}]}', '{"a": ["a", "a", ":"], "b": "a"}', '{"a": "a", "b": {}, "c": []}']) {
    it(`finds no key twice in ${text}`, () => assert.equal(problemOf(text), ""));
  }
  it("tells of half of a character", () => assert.match(problemOf('{"a": "cut \\ud83d"}'), /^"cut \\ud83d" holds half of a character/));
  it("takes whole characters", () => assert.equal(problemOf('{"a": "\\ud83d\\ude00"}'), ""));

  it("looks at no number within a text", () => assert.equal(problemOf('{"a": "1e400, 1.12345678901234567890"}'), ""));
  it("looks at no number within a key", () => assert.equal(problemOf('{"1e400": 1}'), ""));
  it("tells what is no JSON", () => assert.match(problemOf("{"), /^This is no JSON yet: /));

  for (const text of ["[]", "null", "1", '"a"', "true"]) {
    it(`takes no ${text} for arguments`, () => assert.match(problemOf(text), /^Arguments are an object/));
  }
});
