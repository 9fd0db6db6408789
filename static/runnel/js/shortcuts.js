// The actions of the page as a whole, and the keys that fields know by themselves.

import { listenForKeys, offer } from "./actions.js";
import { byId } from "./dom.js";

let palette = null;

// Loaded when somebody asks for it the first time.
async function openPalette() {
  const { Palette } = await import("./palette.js");
  palette ??= new Palette();
  palette.open();
}

async function openKeys() {
  const { showKeys } = await import("./keylist.js");
  showKeys();
}

/** What the message field and the transcript do with keys. */
const IN_FIELDS = [
  { group: "Message", keys: "Enter", title: "Send" },
  { group: "Message", keys: "Shift+Enter", title: "New line" },
  { group: "Message", keys: "ArrowUp", title: "Edit your last message, while nothing is written" },
  { group: "Conversation", keys: "PageUp", title: "Scroll up" },
  { group: "Conversation", keys: "PageDown", title: "Scroll down" },
  { group: "Conversation", keys: "Home", title: "To the beginning, while nothing is written" },
  { group: "Conversation", keys: "End", title: "To the end, while nothing is written" },
];

/**
 * Offer what concerns the whole page, and listen for keys.
 * @param {{stop: () => void, isRunning: () => boolean, begin: () => void, search: () => void}} options
 *   how the answer is stopped, and whether there is one; what begins a conversation, and what lets one search for one
 */
export function offerShortcuts({ stop, isRunning, begin, search }) {
  const message = byId("message");
  offer([
    { title: "Show all actions", keys: "Mod+K", run: openPalette },
    { title: "Show all keys", keys: "Mod+/", also: "keyboard shortcuts help", run: openKeys },
    { title: "New conversation", keys: "Mod+Shift+O", also: "chat", run: begin },
    { title: "Search the conversations", keys: "Mod+Shift+F", also: "find", run: search },
    { title: "Write a message", keys: "Shift+Escape", also: "focus composer", run: () => message.focus() },
    // What waits is stopped by the button only: nothing hurries, and much may have been done for it.
    { group: "Conversation", title: "Stop the answer", keys: "Escape", also: "cancel", run: stop, isOffered: isRunning },
  ]);
  offer(IN_FIELDS);
  listenForKeys();
}
