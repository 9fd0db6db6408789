// The actions of the page as a whole and of the conversation.

import { listenForKeys, offer } from "./actions.js";
import { byId } from "./dom.js";
import { KEYS } from "./keys.js";

let palette = null;

// Its field is there at once, so that no letter is lost; what finds actions is loaded the first time.
async function openPalette() {
  const dialog = byId("palette");
  if (dialog.open) return;
  byId("palette-words").value = "";
  dialog.showModal();
  const { Palette } = await import("./palette.js");
  palette ??= new Palette();
  if (dialog.open) palette.look();
}

async function openKeys() {
  const { showKeys } = await import("./keylist.js");
  showKeys();
}

/** Press the newest button under an answer that `selector` finds. */
function press(selector) {
  const found = [...document.querySelectorAll(`#runs .remedies ${selector}`)].at(-1);
  /** @type {HTMLElement} */ (found)?.click();
}

function isThere(selector) {
  return document.querySelector(`#runs:not(.busy) .remedies ${selector}`) !== null;
}

/**
 * Offer what concerns the whole page, and listen for keys.
 * @param {{commands: object, composer: object, viewer: object, settings: object, queue: object, begin: () => void,
 *   search: () => void}} parts
 *   `begin` begins a conversation, `search` lets one search for one
 */
export function offerShortcuts({ commands, composer, viewer, settings, queue, begin, search }) {
  const message = byId("message");
  const isRunning = () => composer.activity === "running";
  const group = "Conversation";
  offer([
    { ...KEYS.palette, run: openPalette, isHidden: true },
    { ...KEYS.begin, also: "chat", run: begin },
    { ...KEYS.search, also: "find", run: search },
    { ...KEYS.write, also: "focus composer", run: () => message.focus() },
    // What waits is stopped by the button only: nothing hurries, and much may have been done for it.
    { ...KEYS.stop, also: "cancel", run: () => commands.stop(), isOffered: isRunning },
    { group, title: "Stop after this step", also: "cancel later", run: () => commands.stop({ mode: "after_step" }), isOffered: isRunning },
    { group, title: "Let the queue go on", run: () => queue.resume(), isOffered: () => queue.isPaused },
    { ...KEYS.model, also: "provider", run: () => composer.model.choose() },
    { ...KEYS.settings, also: "system prompt effort temperature budget preset", run: () => settings.open() },
    { group, title: "Attach files", also: "upload picture document", run: () => byId("attach").click() },
    { group, title: "Choose tools", run: () => byId("tools").click(), isOffered: () => !byId("tools").hidden },
    { group, title: "Copy the last answer", also: "markdown", run: () => press(".copy"), isOffered: () => document.querySelector("#runs .remedies .copy") !== null },
    { group, title: "Answer again", also: "regenerate retry", run: () => press(".again.retry"), isOffered: () => isThere(".again.retry") },
    { group, title: "Answer again with another model", also: "regenerate retry", run: () => press(".other-model"), isOffered: () => isThere(".other-model") },
    { group, title: "Edit my last message", also: "change", run: () => viewer.lastAsked?.edit(), isOffered: () => composer.activity === "idle" && Boolean(viewer.lastAsked) },
  ]);
  offer([{ ...KEYS.list, also: "keyboard shortcuts help", run: openKeys }]);
  listenForKeys();
}
