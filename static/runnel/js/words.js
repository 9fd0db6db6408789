// What people write, as it is read here and sent. Pure: knows no DOM and no connection.

import { isBlank, shown } from "./hidden.js";

export { isBlank };

/** Return a conversation's title with what is hidden in it, or what stands for one that shows nothing. */
export function titled(title) {
  return isBlank(title) ? "Untitled" : shown(title);
}

/** Return a text without what a pasted one may hold and no server takes. */
export function sendable(text) {
  return text.toWellFormed().replaceAll("\0", "");
}

/** What a tool's result begins with for the model where a person changed the arguments: the page shows these itself. */
const EDIT_NOTE = /^\[A person changed the arguments of this call before it was executed\. (?:It was executed with|They were): [\s\S]*?\]\n/;

/** Return a tool's result as its tool gave it. */
export function withoutNote(content) {
  return content.replace(EDIT_NOTE, "");
}

/** Return a typed `provider/name` as it is sent: phones begin it with a capital, and only providers are ours. */
export function modelName(typed) {
  return typed.trim().replace(/^([^/]*?)\s*\/\s*/, (_, provider) => `${provider.toLowerCase()}/`);
}

/**
 * Return what a person reads of an error: the sentence that the server or this page wrote for it. What a browser says
 * of a part of the page that it could not load has no code.
 */
export function sentenceOf({ code, message }) {
  return typeof code === "string" ? message : "Something went wrong. Try again in a moment.";
}
