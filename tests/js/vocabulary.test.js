import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { itemTitle } from "../../static/runnel/js/vocabulary.js";

describe("itemTitle", () => {
  const cases = [
    ["web_search_call", { id: "ws_1" }, "web search call"],
    ["code_interpreter_call", null, "code interpreter call"],
    ["custom_tool_call", { name: "write_sql" }, "custom tool call write_sql · nothing here runs it"],
    ["mcp_approval_request", { name: "pay" }, "mcp approval request · nothing here runs it"],
    ["local_shell_call", {}, "local shell call · nothing here runs it"],
  ];
  for (const [kind, data, title] of cases) {
    it(`calls ${kind} ${title}`, () => assert.equal(itemTitle(kind, data), title));
  }
});
