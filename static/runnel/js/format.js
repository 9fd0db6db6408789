// Numbers, times and endings in words. Pure: knows no DOM and no connection.

import { formatter } from "./dates.js";
import { shown } from "./hidden.js";
import {
  CALL_STATUSES,
  CANCELLED_BY,
  COST_MARKS,
  DECISIONS,
  PAGE_CALL_STATUSES,
  RUN_STATUSES,
  STANDING_DECISIONS,
  STOP_REASONS,
  wordsFor,
} from "./vocabulary.js";

const NUMBER = new Intl.NumberFormat("en");
// Most runs cost less than a cent.
const MONEY = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 6 });
const DATE = formatter({ dateStyle: "medium", timeStyle: "short" });

/** Return when something happened, for a tooltip. `moment` is ISO 8601. */
export function date(moment) {
  return DATE.format(new Date(moment));
}

/** Return the size of a file: `12 KB`, `3.4 MB`. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const kilobytes = bytes / 1024;
  if (kilobytes < 1000) return `${Math.ceil(kilobytes)}\u00a0KB`;
  return `${NUMBER.format(Number((kilobytes / 1024).toFixed(1)))}\u00a0MB`;
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}\u00a0min ${seconds % 60}\u00a0s`;
}

/** Return a duration: `3.2 s`, `2 min 5 s`. */
export function duration(seconds) {
  return seconds < 60 ? `${seconds.toFixed(1)}\u00a0s` : minutes(Math.round(seconds));
}

/** Return how long something has gone on that is not over: `3 s`, `2 min 5 s`; "" within the first second. */
export function elapsed(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 1) return "";
  return whole < 60 ? `${whole}\u00a0s` : minutes(whole);
}

/** Return how long something can still be decided, with what stands for a time that is over. */
export function remaining(seconds) {
  if (seconds <= 0) return "expired";
  const whole = Math.ceil(seconds);
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${whole}\u00a0s left`;
  if (minutes < 5) return `${minutes}\u00a0min ${whole % 60}\u00a0s left`;
  if (hours < 1) return `${minutes}\u00a0min left`;
  if (hours < 48) return `${hours}\u00a0h ${minutes % 60}\u00a0min left`;
  return `${Math.floor(hours / 24)}\u00a0days left`;
}

/**
 * Return how a run ended, in a few words. A failed run's error is told elsewhere.
 *
 * A stop reason that the page does not know is shown as it is: it never reads as success.
 * @param {{status?: string, stop_reason?: string, cancelled_by?: string, cancelled_by_name?: string}} run
 *   `cancelled_by_name` is "you" for who reads this
 */
export function ending({ status, stop_reason: reason, cancelled_by: by, cancelled_by_name: name }) {
  if (status === "failed" || status === "awaiting_approval") return RUN_STATUSES[status];
  if (status === "cancelled" && by === "user" && name && name !== "you") return `Stopped by ${shown(name)}`;
  if (status === "cancelled" && reason !== "shutdown") return wordsFor(CANCELLED_BY, by) ?? RUN_STATUSES.cancelled;
  return wordsFor(STOP_REASONS, reason) ?? (reason ? `Ended (${reason})` : RUN_STATUSES.completed);
}

function counted(count, what, part, partName, about) {
  if (count == null) return `${what}put unknown`;
  const shown = `${about}${NUMBER.format(count)} ${what === "in" ? "tokens in" : "out"}`;
  return part ? `${shown} (${NUMBER.format(part)} ${partName})` : shown;
}

/** Return what a run used, as phrases. What nobody reported is unknown, never 0. */
export function usage(counts) {
  const { input_tokens: input, output_tokens: output } = counts;
  if (input == null && output == null) return ["usage unknown"];
  const mark = (estimated) => (estimated == null ? "" : "≈\u00a0");
  return [
    counted(input, "in", counts.cached_input_tokens, "cached", mark(counts.estimated_input_tokens)),
    counted(output, "out", counts.reasoning_tokens, "of them thoughts", mark(counts.estimated_output_tokens)),
  ];
}

/** Return what a run has cost, with a mark unless that is exact; "" if nobody knows. */
export function cost({ cost: amount, cost_is: kind }) {
  if (amount == null) return "";
  return `${wordsFor(COST_MARKS, kind) ?? ""}${MONEY.format(amount)}`;
}

/** Return the model that answered, beside the one that was asked for where that is another; "" if neither is known. */
export function modelOf({ model = "", served = [] }) {
  const last = [served].flat().filter(Boolean).at(-1) ?? model;
  // Providers answer with a longer name: that of the version.
  return last.startsWith(model) ? last : `${model} → ${last}`;
}

/** Return the line under an answer: how it ended, who gave it, what it used and cost, how long it took. */
export function summary(run) {
  const closed = run.upstream_closed_ms;
  const phrases = [closed == null ? ending(run) : `${ending(run)}, provider closed after ${Math.round(closed)}\u00a0ms`];
  if (modelOf(run)) phrases.push(modelOf(run));
  // A refused call has used nothing: that its counts are unknown would sound as if it had.
  const isCounted = run.usage.input_tokens != null || run.usage.output_tokens != null;
  if (isCounted || run.status !== "failed") phrases.push(...usage(run.usage));
  if (isCounted) phrases.push(cost(run) || "unpriced");
  if (run.seconds != null) phrases.push(duration(run.seconds));
  return phrases.join(" · ");
}

/** Return how fast an answer came, and when; "" while nothing of that is known. */
export function pace({ first_token_seconds: first, tokens_per_second: rate, finished_at: end }) {
  const phrases = [];
  const soon = first < 1 ? `${Math.round(first * 1000)}\u00a0ms` : duration(first ?? 0);
  if (first != null) phrases.push(`first token after ${soon}`);
  if (rate != null) phrases.push(`${NUMBER.format(rate < 10 ? Number(rate.toFixed(1)) : Math.round(rate))} tokens/s`);
  if (end) phrases.push(date(end));
  return phrases.join(" · ");
}

/** Return what a whole conversation has cost, and how full its model's context is; "" if neither is known. */
export function totals(conversation) {
  const phrases = [];
  if (cost(conversation)) phrases.push(`${cost(conversation)} in all`);
  const last = conversation.runs.findLast((run) => run.context_tokens);
  const { context_tokens: tokens, context_window: window } = last ?? {};
  if (tokens && window) {
    const share = Math.min(100, Math.ceil((tokens / window) * 100));
    phrases.push(`context ${share} % full (${NUMBER.format(tokens)} of ${NUMBER.format(window)} tokens)`);
  } else if (tokens) phrases.push(`${NUMBER.format(tokens)} tokens in the context`);
  return phrases.join(" · ");
}

/** Return whether and from whom a run's messages are kept from now on, in a sentence; "" if from nobody. */
export function leftOut({ left_out_of: whom }) {
  if (!whom) return "";
  if (whom === "*") return "Left out of later requests to models.";
  return "Left out of later requests to this model’s provider, because it refused it.";
}

/** Return the state of a tool call in a few words. */
export function callState(status) {
  return wordsFor(CALL_STATUSES, status) ?? wordsFor(PAGE_CALL_STATUSES, status) ?? status;
}

/** Return who decided what about a tool call; `by` is "" while that is not known. */
export function decision({ decision: what, decided_by: by, reason, standing_decision: standing = null }) {
  if (standing !== null) return wordsFor(STANDING_DECISIONS, what) ?? what;
  const words = wordsFor(DECISIONS, what) ?? what ?? "";
  // A function, because a name may hold what `replace` gives a meaning to, such as "$&".
  const told = words.replace("{who}", () => (by ? ` by ${by}` : ""));
  return what === "denied" && reason ? `${told}: “${reason}”` : told;
}
