// Work that can wait, one piece after the other, whenever the page has nothing better to do.

const waiting = [];
let isAsked = false;

/** Milliseconds after which waiting work is done all the same. */
const LATEST = 500;

/** @type {(work: (deadline: {timeRemaining: () => number}) => void, options?: object) => unknown} */
const ask = globalThis.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 0 }), 20));

function work(deadline) {
  isAsked = false;
  do waiting.shift()?.();
  while (waiting.length && deadline.timeRemaining() > 5);
  next();
}

function next() {
  if (isAsked || !waiting.length) return;
  isAsked = true;
  ask(work, { timeout: LATEST });
}

/** Do a piece of work when there is time. */
export function whenIdle(piece) {
  waiting.push(piece);
  next();
}
