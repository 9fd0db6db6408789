// What was sent and not answered yet, kept in this tab beyond a reload: it is sent again until the server has it.
//
// Only frames that start a run, each under its own `run_id`: the server takes a second copy for the first.

const KEY = "runnel.outbox";

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

function write(frames) {
  try {
    if (frames.length) sessionStorage.setItem(KEY, JSON.stringify(frames));
    else sessionStorage.removeItem(KEY);
  } catch {
    // More than the browser keeps: then it is sent as long as the page stays.
  }
}

/** Keep a frame until `drop`. */
export function keep(frame) {
  if (frame.type === "start" && frame.run_id) write([...read().filter(({ run_id: id }) => id !== frame.run_id), frame]);
}

/** Forget a frame: the server has answered it. */
export function drop({ run_id: runId }) {
  const frames = read();
  if (runId && frames.some(({ run_id: id }) => id === runId)) write(frames.filter(({ run_id: id }) => id !== runId));
}

/** Return the frames that were sent before this page was loaded, and not answered. */
export function kept() {
  return read();
}

/** Return the words of a frame, as they were written. */
export function wordsOf({ input }) {
  if (typeof input === "string") return input;
  const parts = (input ?? []).flatMap(({ content }) => (typeof content === "string" ? [{ text: content }] : content));
  return parts.map(({ text = "" }) => text).join("");
}
