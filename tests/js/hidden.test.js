import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { exact, isBlank, shown } from "../../static/runnel/js/hidden.js";
import { parts, pretty, prettyResult } from "../../static/runnel/js/json.js";
import { titled } from "../../static/runnel/js/words.js";

const code = (character) => character.codePointAt(0).toString(16);

/** Every character that Unicode lets a program ignore, and others that show nothing. */
const HIDDEN = [
  "\u0000", "\u0007", "\u007f", "\u0085", "\u00a0", "\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u1680", "\u17b4", "\u17b5",
  "\u180b", "\u180e", "\u180f", "\u2000", "\u2003", "\u2007", "\u2009", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028",
  "\u2029", "\u202a", "\u202e", "\u202f", "\u205f", "\u2060", "\u2064", "\u2066", "\u2069", "\u206f", "\u2800", "\u3000", "\u3164",
  "\ufe00", "\ufe0e", "\ufe0f", "\ufeff", "\uffa0", "\ufff9", "\u{16fe4}", "\u{1bca0}", "\u{1d159}", "\u{1d173}", "\u{e0001}",
  "\u{e0041}", "\u{e007f}", "\u{e0100}", "\u{e01ef}", "\u{e0fff}",
];

describe("exact", () => {
  for (const character of HIDDEN) {
    it(`shows U+${code(character)}, and what it stands for stays`, () => {
      const text = exact(`"a${character}b"`);
      assert.match(text, /^"a(\\u[0-9a-f]{4}){1,2}b"$/);
      assert.equal(JSON.parse(text), `a${character}b`);
    });
  }

  it("shows half of a character", () => assert.equal(exact('"\ud83d"'), '"\\ud83d"'));
  it("shows joiners that carry bits", () => assert.equal(exact('"a\u200d\u200cb"'), '"a\\u200d\\u200cb"'));
  it("shows joiners between letters of every script", () => {
    assert.equal(exact('"\u0645\u06cc\u200c\u062e"'), '"\u0645\u06cc\\u200c\u062e"');
  });
  it("shows a selector behind a letter, and a second one behind an emoji", () => {
    assert.equal(exact("A\ufe0f"), "A\\ufe0f");
    assert.equal(exact("\u2764\ufe0f\ufe0f"), "\u2764\ufe0f\\ufe0f");
  });

  const kept = ["plain words, 1 + 2", "\u{1f469}\u200d\u{1f4bb}", "\u2764\ufe0f", "\u{1f44b}\u{1f3fd}", "1\ufe0f\u20e3", "\u{1f1e8}\u{1f1ed}", "h\u00e9", "\u05d0\u05d1", "\u4e2d\u6587", "e\u0301"];
  for (const text of kept) it(`leaves ${text}`, () => assert.equal(exact(text), text));
});

describe("shown", () => {
  for (const character of HIDDEN) {
    it(`shows U+${code(character)}`, () => assert.match(shown(`a${character}b`), /^a(\\u[0-9a-f]{4}){1,2}b$/));
  }
  for (const text of ["two\nlines\tand a tab", "two\r\nlines", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0915\u094d\u200d\u0937", "\u{1f469}\u200d\u{1f4bb}"]) {
    it(`leaves ${JSON.stringify(text)}`, () => assert.equal(shown(text), text));
  }
  it("is the same when it is done twice", () => assert.equal(shown(shown("a\u200bb")), shown("a\u200bb")));
});

describe("titles", () => {
  it("show what is hidden in them", () => assert.equal(titled("Pay\u202e001"), "Pay\\u202e001"));
  for (const character of HIDDEN) {
    it(`are none of U+${code(character)} alone`, () => assert.equal(isBlank(character), true));
  }
});

describe("results", () => {
  it("show what is hidden in words and in JSON", () => {
    assert.equal(prettyResult("a\u200bb"), "a\\u200bb");
    assert.equal(prettyResult('["a\u3164"]'), '["a\\u3164"]');
    assert.equal(prettyResult('{"a\u3164'), '{"a\\u3164');
  });
});

describe("a text that is nested deeply or is huge", () => {
  const deep = (levels) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  const wide = `[${"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]],".repeat(2000)}0]`;
  for (const [name, text] of [["4,000 levels", deep(4000)], ["4,000 brackets", "[".repeat(4000) + "]".repeat(4000)], ["many short ones", wide]]) {
    it(`stays about as long as it is: ${name}`, () => {
      const made = pretty(text);
      assert.ok(made.length <= 4 * text.length + 10_000, `${text.length} became ${made.length}`);
      assert.deepEqual(made.replace(/\s/g, ""), text);
    });
  }
  it("is broken into lines as long as that is readable", () => {
    assert.ok(pretty(deep(40)).split("\n").length > 40);
  });
});

describe("letters from right to left", () => {
  const text = pretty('{"\u05d0": 1, "\u05d1": 2, "c": "d"}');
  it("stand for themselves, so that the numbers stay with their names", () => {
    assert.deepEqual(parts(text), [
      { text: "{", isolated: false },
      { text: '"\u05d0"', isolated: true },
      { text: ": 1, ", isolated: false },
      { text: '"\u05d1"', isolated: true },
      { text: ': 2, "c": "d"}', isolated: false },
    ]);
  });
  it("lose nothing on the way", () => {
    for (const each of [text, '"\u05d0', "\u05d0", '{"a": "\\"\u05d0\\""}', '{"a": 1}', ""]) {
      assert.equal(parts(each).map((part) => part.text).join(""), each);
    }
  });
});
