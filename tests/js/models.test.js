import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { facts, groupsFor, nearest, price, problemWith, tokens } from "../../static/runnel/js/models.js";

const model = (name, more = {}) => ({
  name,
  title: "",
  provider: name.split("/")[0],
  is_suggested: true,
  context_window: null,
  input_price: null,
  output_price: null,
  price_is_guess: false,
  abilities: [],
  ...more,
});

const catalog = {
  models: [
    model("openai/gpt-5.5", { title: "GPT-5.5", context_window: 1_000_000, input_price: 5, output_price: 30 }),
    model("openai/gpt-4.1", { title: "GPT-4.1", is_suggested: false }),
    model("emulator/hello"),
    model("emulator/long"),
  ],
  providers: [
    { slug: "openai", label: "OpenAI", available: true, settings: ["OPENAI_API_KEY"], is_complete: false },
    { slug: "emulator", label: "Built-in emulator", available: true, settings: [], is_complete: false },
    { slug: "groq", label: "Groq", available: false, settings: ["GROQ_API_KEY"], is_complete: false },
  ],
  favourites: ["emulator/long", "gone/model"],
  recent: ["emulator/long", "openai/gpt-5.5"],
  default: "openai/gpt-5.5",
};

const names = (typed) => groupsFor(catalog, typed).map(({ title, models }) => [title, ...models.map(({ name }) => name)]);

describe("groupsFor", () => {
  it("shows favourites, recent ones and suggestions, each once", () => {
    assert.deepEqual(names(""), [
      ["Favourites", "emulator/long"],
      ["Recent", "openai/gpt-5.5"],
      ["Built-in emulator", "emulator/hello"],
    ]);
  });
  it("finds what is not suggested, by name", () => assert.deepEqual(names("4.1"), [["OpenAI", "openai/gpt-4.1"]]));
  it("finds by the provider's label and several words", () => {
    assert.deepEqual(names("built hello"), [["Built-in emulator", "emulator/hello"]]);
  });
  it("finds nothing", () => assert.deepEqual(names("zzz"), []));
});

describe("problemWith", () => {
  const cases = [
    ["openai/gpt-5.5", null],
    ["emulator/anything@openai-chat", null],
    ["gpt-5.5", "A model is written as provider/name. Did you mean openai/gpt-5.5?", true],
    ["opnai/gpt-5.5", "There is no provider “opnai” here. Did you mean openai?", true],
    ["groq/x", "Groq is not set up here. It needs GROQ_API_KEY. An admin can enter its key under Providers.", true],
    ["openai/gtp-5.5", "OpenAI lists no model “gtp-5.5”. Did you mean gpt-5.5?", false],
    ["openai/zzzzzzzz", "OpenAI lists no model “zzzzzzzz”.", false],
  ];
  for (const [name, sentence, isCertain] of cases) {
    it(name, () => {
      assert.deepEqual(problemWith(catalog, name), sentence && { sentence, isCertain });
    });
  }
});

describe("what is known of a model", () => {
  it("says tokens as people do", () => assert.deepEqual([999, 128_000, 1_048_576].map(tokens), ["999", "128K", "1M"]));
  it("marks a guessed price", () => {
    assert.equal(price({ input_price: 0.15, output_price: 2, price_is_guess: true }), "≈\u00a0$0.15 / $2.00");
  });
  it("says nothing of what nobody knows", () => assert.deepEqual(facts(model("a/b")), []));
  it("says all that is known", () => {
    assert.deepEqual(facts(catalog.models[0]), ["1M context", "$5.00 / $30.00"]);
    assert.deepEqual(facts(model("a/b", { abilities: ["images"] })), ["reads pictures"]);
  });
  it("knows what is near", () => assert.deepEqual(nearest("helo", ["hello", "reasoning"]), ["hello"]));
});
