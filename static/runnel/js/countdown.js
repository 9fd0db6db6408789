// How long something can still be decided: a text that counts down for as long as it is on the page.

import { date, remaining } from "./format.js";

/** Milliseconds between two looks, and in the last minutes. */
const EVERY = 15_000;
const SOON_EVERY = 1_000;
const SOON = 5 * 60_000;

/**
 * Return the element that counts down to a moment. It stops when it was taken from the page.
 * @param {string} moment  ISO 8601
 */
export function countdown(moment) {
  const end = new Date(moment).getTime();
  const made = element(moment);
  let wasShown = false;
  const tick = () => {
    if (wasShown && !made.isConnected) return;
    wasShown ||= made.isConnected;
    const left = end - Date.now();
    const words = `until ${date(moment)}, ${remaining(left / 1000)}`;
    // What is the same is not written again: nothing is read out twice.
    if (made.textContent !== words) made.textContent = words;
    made.classList.toggle("soon", left < SOON);
    if (left > 0) setTimeout(tick, left < SOON ? SOON_EVERY : EVERY);
  };
  tick();
  return made;
}

function element(moment) {
  const made = document.createElement("time");
  made.className = "countdown";
  made.dateTime = moment;
  return made;
}
