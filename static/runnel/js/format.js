// Numbers, times and endings in words. Pure: knows no DOM and no connection.

const NUMBER = new Intl.NumberFormat("en");
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

const COMPLETED = {
  end_turn: "Done",
  tool_calls: "Asked for tools that nothing here runs",
  max_steps: "Stopped at the limit of steps",
  max_tokens_exceeded: "Cut at the output limit",
  content_filter: "Stopped by the provider’s content filter",
  budget_exhausted: "Stopped: the budget is spent",
};

const CANCELLED_BY = {
  user: "Stopped by you",
  admin: "Stopped by an administrator",
  server: "Stopped: the server was shut down",
};

/** Return when something happened, for a tooltip. `moment` is ISO 8601. */
export function date(moment) {
  return DATE.format(new Date(moment));
}

/** Return a duration: `3.2 s`, `2 min 5 s`. */
export function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Return how a run ended, in a few words. A failed one says so by its error. */
export function ending({ status, stop_reason, cancelled_by }) {
  if (status === "failed") return "Failed";
  if (status === "cancelled") {
    return stop_reason === "shutdown" ? CANCELLED_BY.server : CANCELLED_BY[cancelled_by] ?? "Stopped";
  }
  if (status === "awaiting_approval") return "Waiting for your decision";
  return COMPLETED[stop_reason] ?? "Done";
}

function tokens(count, what, part, partName, about) {
  if (count == null) return `${what}put unknown`;
  const shown = `${about}${NUMBER.format(count)} ${what}`;
  return part ? `${shown} (${NUMBER.format(part)} ${partName})` : shown;
}

/** Return what a run used, as phrases. What nobody reported is unknown, never 0. */
export function usage(counts) {
  const { input_tokens: input, output_tokens: output } = counts;
  if (input == null && output == null) return ["usage unknown"];
  const about = counts.usage_source === "estimated" ? "≈ " : "";
  return [
    tokens(input, "in", counts.cached_input_tokens, "cached", about),
    tokens(output, "out", counts.reasoning_tokens, "reasoning", about),
  ];
}

/** Return whether somebody was asked about a tool call: what a person takes says nothing of the answer. */
function isAsked({ requires_approval: isGated, source }) {
  return isGated || source === "client";
}

/** Return the line under an answer: how it ended, who gave it, what it used, how long it took. */
export function summary(run) {
  const phrases = [ending(run)];
  // Another tab's run does not tell what was asked for until it is stored.
  const model = run.model ?? run.served;
  if (model) phrases.push(model);
  phrases.push(...usage(run.usage));
  if (run.started_at && run.finished_at && !run.tool_calls?.some(isAsked)) {
    phrases.push(duration((new Date(run.finished_at) - new Date(run.started_at)) / 1000));
  }
  return phrases.join(" · ");
}

const CALL = {
  asking: "asking…",
  asked: "",
  running: "running…",
  pending: "waiting for you",
  elsewhere: "waiting for a program",
  decided: "decided",
  held: "waits for the others",
  succeeded: "done",
  failed: "failed",
  denied: "denied",
  timed_out: "took too long",
  expired: "expired",
  cancelled: "cancelled",
  interrupted: "interrupted",
  incomplete: "cut short",
  unanswered: "nothing here runs it",
};

/** Return the state of a tool call in a few words. */
export function callState(status) {
  return CALL[status] ?? status;
}

/** Return who decided what about a tool call; `by` is "" while that is not known. */
export function decision({ decision: what, decided_by: by, reason }) {
  const who = by ? ` by ${by}` : "";
  switch (what) {
    case "approved":
      return `Approved${who}`;
    case "edited":
      return `Approved${who} with other arguments`;
    case "result":
      return `Result handed in${who}`;
    case "denied":
      return reason ? `Denied${who}: “${reason}”` : `Denied${who}`;
    default:
      return "";
  }
}
