// Counts how long something has gone on, in whole seconds: one timer for all clocks on the page.

import { elapsed } from "./format.js";

const EVERY = 1000;

/** Since when each element counts, as `performance.now()` tells it. */
const running = new Map();
let timer = 0;

function tick() {
  const now = performance.now();
  for (const [element, since] of running) {
    const words = elapsed((now - since) / 1000);
    if (element.textContent !== words) element.textContent = words;
  }
}

/** Let an element count from `since` on, as `performance.now()` tells it. */
export function startClock(element, since = performance.now()) {
  running.set(element, since);
  timer ||= setInterval(tick, EVERY);
  tick();
}

/** Let an element count no more; it keeps what it shows. */
export function stopClock(element) {
  running.delete(element);
  if (running.size) return;
  clearInterval(timer);
  timer = 0;
}
