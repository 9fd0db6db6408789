// All keys of the page with what they do: the actions take theirs from here, and so does the list of keys. Pure.

const conversation = (title, keys) => ({ group: "Conversation", title, keys });
const message = (title, keys) => ({ group: "Message", title, keys });
const here = (title, keys) => ({ group: "This conversation", title, keys });

/**
 * What has keys, by a name for the code, in the order in which it is listed.
 * @type {Record<string, {title: string, keys: string, group?: string}>}
 */
export const KEYS = {
  palette: { title: "Show all actions", keys: "Mod+K" },
  begin: { title: "New conversation", keys: "Mod+Shift+O" },
  search: { title: "Search the conversations", keys: "Mod+Shift+F" },
  write: { title: "Write a message", keys: "Shift+Escape" },
  list: { title: "Show all keys", keys: "Mod+/" },
  stop: conversation("Stop the answer", "Escape"),
  model: conversation("Choose a model", "Mod+Shift+L"),
  settings: conversation("Settings of this conversation", "Mod+."),
  rename: here("Rename the conversation", "F2"),
  delete: here("Delete the conversation", "Mod+Shift+Backspace"),
};

/** What the message field and the transcript do with keys. */
export const KEYS_OF_FIELDS = [
  message("Send; while an answer is written, put into the queue", "Enter"),
  message("New line", "Shift+Enter"),
  message("While an answer is written: stop it and send now", "Mod+Enter"),
  message("While an answer is written: steer it, the model reads it at its next step", "Alt+Enter"),
  message("Edit your last message, while nothing is written", "ArrowUp"),
  conversation("Scroll up", "PageUp"),
  conversation("Scroll down", "PageDown"),
  conversation("To the beginning, while nothing is written", "Home"),
  conversation("To the end, while nothing is written", "End"),
];
