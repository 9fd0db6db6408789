// What the events of a run tell, in the terms of a stored run. Pure.

import { fromEvent } from "./media.js";

/** Tell the words and the files of an AG-UI user message, whose content is text or a list of parts. */
export function partsOf({ content }) {
  if (typeof content === "string") return [content, []];
  const files = content.filter((part) => part.type !== "text");
  return [content.map((part) => part.text ?? "").join(""), files.map(fromEvent)];
}

/** Add up AG-UI `TokenUsage` entries under the names that a stored run has, beside what of it is an estimate. */
export function totalOf(entries, estimated) {
  const sum = (name) =>
    entries.reduce((total, entry) => (entry[name] == null ? total : (total ?? 0) + entry[name]), null);
  return {
    input_tokens: sum("inputTokens"),
    cached_input_tokens: sum("cachedInputTokens"),
    output_tokens: sum("outputTokens"),
    reasoning_tokens: sum("reasoningTokens"),
    estimated_input_tokens: estimated.inputTokens,
    estimated_output_tokens: estimated.outputTokens,
  };
}

/** Tell what comes next, and why, in one line: the value of a `retry` event. */
export function newsOf({ attempt, of, wait_seconds, message, model }) {
  const why = message.split(/\.(?:\s|$)/, 1)[0];
  if (attempt === 1) return `${why}: asking ${model} instead`;
  const when = wait_seconds < 1 ? "now" : `in ${Math.round(wait_seconds)} s`;
  return `${why}: trying again ${when} (attempt ${attempt} of ${of})`;
}

/** Whether more is stored of what happened than an event tells: how long it took, who decided, what was noted. */
export function isToldInPart({ type, input, metadata }) {
  const isDecided = type === "RUN_STARTED" && input?.resume?.length > 0;
  return isDecided || (type === "TOOL_CALL_RESULT" && metadata?.name === "write_note");
}
