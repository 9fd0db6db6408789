import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as format from "../../static/runnel/js/format.js";

const { callState, cost, date, decision, duration, ending, leftOut, modelOf, pace, summary, totals, usage } = format;

describe("date", () => {
  // ICU's releases differ in which space stands before AM and PM.
  it("is short", () => assert.match(date("2026-03-01T12:05:00"), /^Mar 1, 2026, 12:05\sPM$/));
});

describe("duration", () => {
  const cases = [[0, "0.0\u00a0s"], [3.21, "3.2\u00a0s"], [59.9, "59.9\u00a0s"], [60, "1\u00a0min 0\u00a0s"], [124.6, "2\u00a0min 5\u00a0s"]];
  for (const [seconds, expected] of cases) {
    it(`of ${seconds} s is ${expected}`, () => assert.equal(duration(seconds), expected));
  }
});

describe("ending", () => {
  const cases = [
    ["completed", "end_turn", "", "Done"],
    ["completed", "max_steps", "", "Stopped at the limit of steps"],
    ["completed", "budget_exhausted", "", "Stopped: the budget is spent"],
    ["failed", "llm_api_error", "", "Failed"],
    ["failed", "content_filter", "", "Failed"],
    ["failed", "new_reason", "", "Failed"],
    ["cancelled", "cancelled", "user", "Stopped by you"],
    ["cancelled", "cancelled", "admin", "Stopped by an administrator"],
    ["cancelled", "shutdown", "server", "Stopped: the server was shut down"],
    ["cancelled", "cancelled", "new_role", "Stopped"],
    ["awaiting_approval", "requires_approval", "", "Waiting for your decision"],
  ];
  for (const [status, stop_reason, cancelled_by, expected] of cases) {
    it(`of ${status}, ${stop_reason}, ${cancelled_by || "nobody"} is “${expected}”`, () => {
      assert.equal(ending({ status, stop_reason, cancelled_by }), expected);
    });
  }

  for (const stop_reason of ["new_reason", "constructor", "__proto__"]) {
    it(`shows the stop reason ${stop_reason}, which it does not know, as it is`, () => {
      assert.equal(ending({ status: "completed", stop_reason }), `Ended (${stop_reason})`);
    });
  }

  for (const stop_reason of [undefined, null, ""]) {
    it(`claims no success when the stop reason is ${JSON.stringify(stop_reason)}`, () => {
      assert.equal(ending({ status: "completed", stop_reason }), "Ended");
    });
  }
});

describe("usage", () => {
  const cases = [
    [{ input_tokens: null, output_tokens: null, usage_source: "partial" }, ["usage unknown"]],
    [{ input_tokens: 1234, output_tokens: 0, usage_source: "reported" }, ["1,234 tokens in", "0 out"]],
    [{ input_tokens: 10, output_tokens: null, usage_source: "partial" }, ["10 tokens in", "output unknown"]],
    [{ input_tokens: 10, output_tokens: 2, estimated_output_tokens: 1 }, ["10 tokens in", "≈\u00a02 out"]],
    [
      { input_tokens: 10, output_tokens: 2, estimated_input_tokens: 10, estimated_output_tokens: 2 },
      ["≈\u00a010 tokens in", "≈\u00a02 out"],
    ],
    [
      { input_tokens: 10, cached_input_tokens: 8, output_tokens: 5, reasoning_tokens: 4, usage_source: "reported" },
      ["10 tokens in (8 cached)", "5 out (4 of them thoughts)"],
    ],
  ];
  for (const [counts, expected] of cases) {
    it(`of ${JSON.stringify(counts)}`, () => assert.deepEqual(usage(counts), expected));
  }
});

describe("cost", () => {
  const cases = [
    [{ cost: null, cost_is: null }, ""],
    [{}, ""],
    [{ cost: 0, cost_is: "exact" }, "$0.00"],
    [{ cost: 1.5, cost_is: "exact" }, "$1.50"],
    [{ cost: 0.000021, cost_is: "about" }, "≈\u00a0$0.000021"],
    [{ cost: 0.25, cost_is: "at_least" }, "≥\u00a0$0.25"],
    [{ cost: 0.25, cost_is: "constructor" }, "$0.25"],
  ];
  for (const [run, expected] of cases) {
    it(`of ${JSON.stringify(run)} is “${expected}”`, () => assert.equal(cost(run), expected));
  }
});

describe("summary", () => {
  const run = {
    status: "completed",
    stop_reason: "end_turn",
    usage: { input_tokens: 1, output_tokens: 2, usage_source: "reported" },
    seconds: 2.5,
  };
  const used = "1 tokens in · 2 out";

  it("tells the end, the model, the usage, the cost and the time", () => {
    const told = summary({ ...run, model: "emulator/hello", cost: 0.02, cost_is: "about" });
    assert.equal(told, `Done · emulator/hello · ${used} · ≈\u00a0$0.02 · 2.5\u00a0s`);
  });

  it("says so if what was used has no price", () => {
    assert.equal(summary(run), `Done · ${used} · unpriced · 2.5\u00a0s`);
  });

  it("tells no usage and no price of a call that was refused", () => {
    const none = { input_tokens: null, output_tokens: null, usage_source: "partial" };
    const refused = { ...run, status: "failed", stop_reason: "llm_api_error", usage: none };
    assert.equal(summary(refused), "Failed · 2.5\u00a0s");
    assert.equal(summary({ ...run, usage: none }), "Done · usage unknown · 2.5\u00a0s");
  });

  it("tells no time that is not known", () => {
    for (const seconds of [null, undefined]) assert.equal(summary({ ...run, seconds }), `Done · ${used} · unpriced`);
  });

  it("tells who stopped it, and when the provider was closed", () => {
    const stopped = { ...run, status: "cancelled", stop_reason: "cancelled", cancelled_by: "user" };
    assert.match(summary({ ...stopped, upstream_closed_ms: 11.6 }), /^Stopped by you, provider closed after 12\u00a0ms · /);
    assert.match(summary({ ...stopped, upstream_closed_ms: 0 }), /^Stopped by you, provider closed after 0\u00a0ms · /);
    assert.match(summary(stopped), /^Stopped by you · /);
  });
});

describe("modelOf", () => {
  const cases = [
    [{ model: "a/b" }, "a/b"],
    [{ model: "a/b", served: [] }, "a/b"],
    [{ model: "a/b", served: ["a/b-2026-01-01"] }, "a/b-2026-01-01"],
    [{ model: "a/b", served: ["a/b", "c/d"] }, "a/b → c/d"],
    [{ served: "c/d" }, "c/d"],
    [{}, ""],
  ];
  for (const [run, expected] of cases) {
    it(`of ${JSON.stringify(run)} is “${expected}”`, () => assert.equal(modelOf(run), expected));
  }
});

describe("pace", () => {
  it("tells the first token, the rate and the end", () => {
    const told = pace({ first_token_seconds: 0.52, tokens_per_second: 41.6, finished_at: "2026-03-01T12:05:00" });
    assert.match(told, /^first token after 520\u00a0ms · 42 tokens\/s · Mar 1, 2026, 12:05\sPM$/);
  });
  it("tells a slow rate more exactly", () => assert.equal(pace({ tokens_per_second: 3.14 }), "3.1 tokens/s"));
  it("tells nothing of what is not known", () => assert.equal(pace({ first_token_seconds: null }), ""));
});

describe("totals", () => {
  const full = { context_tokens: 50_000, context_window: 200_000 };
  const cases = [
    [{ cost: null, runs: [] }, ""],
    [{ cost: 0.5, cost_is: "at_least", runs: [{}] }, "≥\u00a0$0.50 in all"],
    [{ cost: null, runs: [full, { context_tokens: null }] }, "context 25 % full (50,000 of 200,000 tokens)"],
    [{ cost: null, runs: [{ context_tokens: 1200, context_window: null }] }, "1,200 tokens in the context"],
    [{ cost: 1, cost_is: "exact", runs: [{ ...full, context_tokens: 1 }] }, "$1.00 in all · context 1 % full (1 of 200,000 tokens)"],
  ];
  for (const [conversation, expected] of cases) {
    it(`of ${JSON.stringify(conversation)}`, () => assert.equal(totals(conversation), expected));
  }
});

describe("leftOut", () => {
  it("is silent about a run that goes along", () => {
    for (const left_out_of of ["", undefined]) assert.equal(leftOut({ left_out_of }), "");
  });
  it("tells all models from one provider's", () => {
    assert.match(leftOut({ left_out_of: "*" }), /requests to models/);
    assert.match(leftOut({ left_out_of: "gemini-generate" }), /this model’s provider/);
  });
});

describe("callState", () => {
  it("knows the server's states", () => assert.equal(callState("timed_out"), "took too long"));
  it("knows the page's own", () => assert.equal(callState("asked"), ""));
  it("shows others as they are", () => assert.equal(callState("constructor"), "constructor"));
});

describe("decision", () => {
  const cases = [
    [{ decision: "approved", decided_by: "ada" }, "Approved by ada"],
    [{ decision: "approved", decided_by: "$& {who}" }, "Approved by $& {who}"],
    [{ decision: "edited", decided_by: "you" }, "Approved by you with other arguments"],
    [{ decision: "result" }, "Result handed in"],
    [{ decision: "denied", decided_by: "you", reason: "no" }, "Denied by you: “no”"],
    [{ decision: "denied", reason: "" }, "Denied"],
    [{ decision: "" }, ""],
    [{ decision: "new_decision" }, "new_decision"],
  ];
  for (const [call, expected] of cases) {
    it(`of ${JSON.stringify(call)} is “${expected}”`, () => assert.equal(decision(call), expected));
  }
});
