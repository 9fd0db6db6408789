// The server's words for states and reasons, and what a reader is told for each. Pure.
//
// The keys are the values of the server's enums: tests/js/test_vocabulary.py compares both, so that none is
// missing here and none is left over. The types below let `make js` find a status that is misspelled.

/**
 * @typedef {keyof typeof RUN_STATUSES} RunStatus
 * @typedef {keyof typeof CALL_STATUSES | keyof typeof PAGE_CALL_STATUSES} CallStatus
 * @typedef {keyof typeof DECISIONS} Decision
 */

/** `RunStatus`: how a run ended, where its stop reason says no more than that. */
export const RUN_STATUSES = {
  queued: "Waiting in the queue",
  created: "Not begun",
  running: "Not finished",
  awaiting_approval: "Waiting for your decision",
  completed: "Ended",
  failed: "Failed",
  cancelled: "Stopped",
};

/** `StopReason`. What failed is explained by its error, in a line of its own. */
export const STOP_REASONS = {
  end_turn: "Done",
  tool_calls: "Asked for tools that nothing here runs",
  requires_approval: RUN_STATUSES.awaiting_approval,
  max_steps: "Stopped at the limit of steps",
  max_continuations: "Stopped: the provider paused too often",
  max_tokens_exceeded: "Cut at the output limit",
  cancelled: RUN_STATUSES.cancelled,
  error: RUN_STATUSES.failed,
  llm_api_error: RUN_STATUSES.failed,
  invalid_llm_response: RUN_STATUSES.failed,
  invalid_tool_call: RUN_STATUSES.failed,
  context_window_exceeded: RUN_STATUSES.failed,
  insufficient_credits: RUN_STATUSES.failed,
  content_filter: "Stopped by the provider’s content filter",
  timeout: RUN_STATUSES.failed,
  budget_exhausted: "Stopped: the budget is spent",
  worker_lost: RUN_STATUSES.failed,
  log_unavailable: RUN_STATUSES.failed,
  shutdown: "Stopped: the server was shut down",
};

/** `CancelledBy`: who stopped a run. */
export const CANCELLED_BY = {
  user: "Stopped by you",
  admin: "Stopped by an administrator",
  server: STOP_REASONS.shutdown,
  access: "Stopped: its user may not go on here",
};

/** `ToolCallStatus`: the state of a tool call. */
export const CALL_STATUSES = {
  unanswered: "nothing here runs it",
  incomplete: "cut short",
  pending: "waiting for you",
  held: "waits for the others",
  running: "running…",
  succeeded: "done",
  failed: "failed",
  timed_out: "took too long",
  denied: "denied",
  expired: "expired",
  cancelled: "cancelled",
  interrupted: "interrupted",
};

/** Items of a provider that are calls for a client of its own: nothing here runs them. */
const CLIENT_ITEMS = new Set([
  "custom_tool_call",
  "mcp_approval_request",
  "local_shell_call",
  "apply_patch_call",
  "computer_call",
]);

/** Return what a provider's item is called; of a call, also what it calls and whether anything here runs it. */
export function itemTitle(kind, data) {
  const name = typeof data?.name === "string" && kind.endsWith("_call") ? ` ${data.name}` : "";
  const state = CLIENT_ITEMS.has(kind) ? ` · ${CALL_STATUSES.unanswered}` : "";
  return kind.replaceAll("_", " ") + name + state;
}

/** States of a tool call that only the page tells apart. A call in one of these has no result yet. */
export const PAGE_CALL_STATUSES = {
  asking: "asking…",
  asked: "",
  elsewhere: "waiting for a program",
  decided: "decided",
};

/** Statuses of a tool call that has no result yet. */
export const OPEN_CALLS = new Set([...Object.keys(PAGE_CALL_STATUSES), "pending", "held", "running"]);

/**
 * The status of calls that are open when a run ends, by the run's status, until the stored one is read.
 * @type {Record<string, CallStatus>}
 */
export const LEFT_CALLS = { completed: "unanswered", cancelled: "cancelled", failed: "cancelled" };

/** Titles of a tool call's result by the call's status, where the result says more than the status does. */
export const RESULT_TITLES = { succeeded: "Result", failed: "Error" };

/** `Decision`: what was decided about a tool call; `{who}` is replaced by " by " and a name, or by nothing. */
export const DECISIONS = {
  approved: "Approved{who}",
  edited: "Approved{who} with other arguments",
  denied: "Denied{who}",
  result: "Result handed in{who}",
};

/** `Decision`, where the user has decided beforehand. */
export const STANDING_DECISIONS = {
  approved: "Allowed by a standing decision",
  denied: "Denied by a standing decision",
};

/** `CostIs`: what stands before an amount. */
export const COST_MARKS = { exact: "", about: "≈\u00a0", at_least: "≥\u00a0" };

/**
 * Return the words for a value of the server's, or undefined for one that this page does not know: a newer
 * server may have added it. Names that every object has, such as "constructor", are not words.
 * @param {Record<string, string>} table  one of the above
 * @param {string | null | undefined} value
 */
export function wordsFor(table, value) {
  return value && Object.hasOwn(table, value) ? table[value] : undefined;
}
