// How many answers wait for the user's decision, beside the link to the page where all of them are.

import { countApprovals } from "./api.js";
import { byId } from "./dom.js";

let asking = null;
let isStale = false;

/** Ask how many wait, and once more if that was asked again meanwhile. Never rejects: without an answer it is as before. */
export function refreshCount() {
  isStale = true;
  asking ??= askWhileStale()
    .catch(() => {})
    .finally(() => {
      asking = null;
    });
  return asking;
}

async function askWhileStale() {
  while (isStale) {
    isStale = false;
    const count = await countApprovals();
    const place = byId("waiting-count");
    place.textContent = String(count);
    place.hidden = count === 0;
  }
}
