// Tells a reader of their own deeds as "you": who stopped a run, who decided about a call. Pure.

/** Return an event as the user who looks at it reads it. */
export function eventFor(user, event) {
  const { cancelled_by_name: name } = event.metadata ?? {};
  return name && name === user ? { ...event, metadata: { ...event.metadata, cancelled_by_name: "you" } } : event;
}

/** Return a stored conversation as the user who looks at it reads it. */
export function storedFor(user, stored) {
  const name = (by) => (by === user ? "you" : by);
  for (const run of stored.runs) {
    // Of earlier versions nothing else is stored than that it was the owner.
    const who = run.cancelled_by_name || (run.cancelled_by === "user" && stored.shared?.owner);
    run.cancelled_by_name = name(who || "");
    run.tool_calls = run.tool_calls?.map((call) => ({ ...call, decided_by: name(call.decided_by) }));
  }
  return stored;
}
