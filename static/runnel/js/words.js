// What people write, as it is read here and sent. Pure: knows no DOM and no connection.

/** Words of which nothing can be seen: spaces, controls, zero-width characters, blank letters. */
const BLANK = /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

/** Return whether nothing of a text can be seen. */
export function isBlank(text) {
  return BLANK.test(text);
}

/** Return a conversation's title, or what stands for one that shows nothing. */
export function titled(title) {
  return isBlank(title) ? "Untitled" : title;
}

/** Return a text without what a pasted one may hold and no server takes. */
export function sendable(text) {
  return text.toWellFormed().replaceAll("\0", "");
}

/** Return a typed `provider/name` as it is sent: phones begin it with a capital, and only providers are ours. */
export function modelName(typed) {
  return typed.trim().replace(/^([^/]*?)\s*\/\s*/, (_, provider) => `${provider.toLowerCase()}/`);
}
