import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isBlank, modelName, sendable, sentenceOf, titled, withoutNote } from "../../static/runnel/js/words.js";

describe("isBlank", () => {
  const blank = ["", " \n\t", "\u200b", "\u00ad", "\u2800", "\u3164", "\u0000", "\ufe0f"];
  for (const text of blank) it(`sees nothing in ${JSON.stringify(text)}`, () => assert.equal(isBlank(text), true));
  for (const text of ["a", " . ", "0", "\u200bx"]) {
    it(`sees something in ${JSON.stringify(text)}`, () => assert.equal(isBlank(text), false));
  }
});

describe("titled", () => {
  it("keeps a title", () => assert.equal(titled("Tides"), "Tides"));
  it("stands in for one that shows nothing", () => assert.equal(titled("\u200b"), "Untitled"));
});

describe("sendable", () => {
  // Node.js 18, of Debian 12, is older than the browsers that the page is for.
  const skip = "toWellFormed" in String.prototype ? false : "needs Node.js 20";
  it("leaves out NUL", { skip }, () => assert.equal(sendable("a\0b"), "ab"));
  it("replaces half a character", { skip }, () => assert.equal(sendable("a\ud83d"), "a\ufffd"));
  it("keeps whole ones", { skip }, () => assert.equal(sendable("a\u{1f600}"), "a\u{1f600}"));
});

describe("withoutNote", () => {
  const note = "[A person changed the arguments of this call before it was executed. It was executed with: ";
  const cases = [
    [`${note}{"a": [1]}]\nIt is noon.`, "It is noon."],
    [`${note}{}]\n[1]\n[2]`, "[1]\n[2]"],
    // As earlier versions stored it.
    [`${note.replace("It was executed with", "They were")}{}]\nnoon`, "noon"],
    ["[1]\n[2]", "[1]\n[2]"],
    ["", ""],
  ];
  for (const [content, shown] of cases) {
    it(`shows ${JSON.stringify(shown)}`, () => assert.equal(withoutNote(content), shown));
  }
});

describe("modelName", () => {
  const cases = [
    [" OpenAI/gpt-5 ", "openai/gpt-5"],
    ["Ollama / Qwen3:8B", "ollama/Qwen3:8B"],
    ["OpenRouter/Meta/Llama", "openrouter/Meta/Llama"],
    ["GPT", "GPT"],
  ];
  for (const [typed, expected] of cases) {
    it(`sends ${typed} as ${expected}`, () => assert.equal(modelName(typed), expected));
  }
});

describe("sentenceOf", () => {
  it("keeps what was written for a person", () => {
    assert.equal(sentenceOf({ code: "conflict", message: "It was changed." }), "It was changed.");
  });
  it("leaves out what a browser says", () => {
    const error = new TypeError("Failed to fetch dynamically imported module: https://runnel.example/models.js");
    assert.equal(sentenceOf(error), "Something went wrong. Try again in a moment.");
  });
});
