// What a call waits for.

/** Return whether a call waits for the result of a program, not for a decision. */
export function isForProgram({ reason }) {
  return reason === "tool_result";
}
