// The frames with which the page asks for something. Pure.

import { isBlank, sendable } from "./words.js";

/** Return a new UUID. `crypto.randomUUID` exists on secure origins only, and a home server may be plain http. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Return what a frame asks: plain words, or words and files as an AG-UI user message with this id. */
export function inputOf(id, text, files) {
  const words = sendable(text);
  if (!files.length) return words;
  const said = isBlank(words) ? [] : [{ type: "text", text: words }];
  return [{ id, role: "user", content: [...said, ...files] }];
}

/**
 * Return a `start` frame.
 * @param {object} asked
 *   `model`; `input` as `inputOf` returns it, none to answer or to go on with what is there; `conversation`, none for a
 *   new one; `after`, the id of the message behind which it begins (null for the beginning of the conversation), undefined
 *   for the end of what is shown; `whenBusy`, what becomes of it while another run goes on; `tools`, the names of those
 *   that it may use; `settings`, the fields that come from the conversation's settings
 */
export function startFrame({ model, input, conversation, after, whenBusy, tools, settings: { options = {}, ...fields } }) {
  const all = { ...options, ...(tools && { tools }) };
  return {
    type: "start",
    run_id: newId(),
    model,
    ...(input !== undefined && { input }),
    ...(conversation && { conversation_id: conversation }),
    ...(after !== undefined && { parent_id: after }),
    ...(whenBusy && { when_busy: whenBusy }),
    ...(Object.keys(all).length && { options: all }),
    ...fields,
  };
}
