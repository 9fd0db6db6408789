// The page of approvals: every call that waits for the user, in whichever conversation, to be decided there.

import { decideBeforehand, listApprovals, signIn } from "./api.js";
import { Approvals } from "./approvals.js";
import { countdown } from "./countdown.js";
import { byId, element } from "./dom.js";
import { date } from "./format.js";
import { Socket } from "./socket.js";
import { ToolCard } from "./toolcards.js";
import { titled } from "./words.js";

const CONNECTION = {
  doubted: "The server has not answered yet. Checking the connection…",
  offline: "No connection to the server. Trying again…",
  refused: "The server does not accept connections from this address.",
};

/** Events after which a run waits, or does not wait any more. */
const TURNS = new Set(["RUN_STARTED", "RUN_FINISHED", "RUN_ERROR"]);

const list = byId("inbox");
/** What tabs tell each other: that something has changed. */
const tabs = new BroadcastChannel("runnel");
/** What is shown, by the run's id. */
const shown = new Map();
let asking = null;
let isStale = false;

const socket = new Socket(new URL("/ws/", location.href).href.replace(/^http/, "ws"), {
  ready: () => {
    for (const [id, { lastSeq }] of shown) follow(id, lastSeq);
    // First the changes are followed, so that none is missed.
    socket.request({ type: "subscribe", list: true }).then(refresh, () => {
      // Once there is a connection again, they are followed anew.
    });
  },
  // Some conversation waits now, or not any more.
  listed: refresh,
  present: () => {},
  // Decided elsewhere, ended, or waiting for the next decision so soon that its conversation is listed as before.
  event: ({ event: { type } }) => {
    if (TURNS.has(type)) refresh();
  },
  state: (state) => {
    byId("inbox-connection").textContent = CONNECTION[state] ?? "";
  },
  signedOut: signIn,
  error: () => {},
});

function follow(id, after) {
  socket.request({ type: "subscribe", run_id: id, after }).catch(() => {
    // Once there is a connection again, all are followed anew.
  });
}

/** Ask what waits, and once more if that was asked again meanwhile. */
function refresh() {
  isStale = true;
  asking ??= askWhileStale()
    .catch(() => {
      // The next look finds it.
    })
    .finally(() => {
      asking = null;
    });
  return asking;
}

async function askWhileStale() {
  while (isStale) {
    isStale = false;
    const { count, runs } = await listApprovals();
    draw(count, runs);
  }
}

function draw(count, runs) {
  const ids = new Set(runs.map(({ run_id: id, last_seq: seq }) => `${id} ${seq}`));
  for (const [id, known] of shown) if (!ids.has(`${id} ${known.lastSeq}`)) take(id);
  for (const run of runs) if (!shown.has(run.run_id)) add(run);
  byId("inbox-empty").hidden = count > 0;
  byId("inbox-count").textContent = count ? `(${count})` : "";
  document.title = `${count ? `(${count}) ` : ""}Approvals · Runnel`;
}

/** Take a run from the list. Who was in it goes on to the next one. */
function take(id) {
  const { element: item, approvals } = shown.get(id);
  const wasHere = item.contains(document.activeElement);
  const next = /** @type {HTMLElement | null} */ (item.nextElementSibling ?? item.previousElementSibling);
  approvals?.close();
  item.remove();
  shown.delete(id);
  if (wasHere) /** @type {HTMLElement} */ (next?.querySelector("button") ?? byId("waits")).focus();
}

function add(run) {
  const { run_id: id, conversation_id: conversation, interrupts, last_seq: lastSeq } = run;
  const cards = new Map();
  for (const { id: key, toolCallId, metadata } of interrupts) {
    const card = new ToolCard(toolCallId, metadata.name);
    card.key = key;
    if (metadata.arguments !== undefined) card.arguments = metadata.arguments;
    cards.set(key, card);
  }
  const isWhole = interrupts.every(({ metadata }) => metadata.arguments !== undefined);
  const title = element("a", { href: `/c/${conversation}/` }, element("bdi", {}, titled(run.title)));
  /** @type {(Node | string)[]} */
  const about = [`${run.model} · asked ${date(run.since)}`];
  if (run.expires_at) about.push(" · ", countdown(run.expires_at));
  const item = element(
    "article",
    { class: "waiting", "data-run": id },
    element("h3", {}, title),
    element("p", { class: "about" }, ...about),
    ...[...cards.values()].map((card) => card.element),
  );
  let approvals = null;
  if (isWhole) {
    const beforehand = {
      mayAllow: list.dataset.mayAllow !== "",
      decide: (verdict, pattern, isHere) => decideBeforehand(verdict, pattern, isHere ? conversation : null),
    };
    approvals = new Approvals({ interrupts, cards, beforehand, resolve: (resume) => resolve(id, run, resume) });
    item.append(approvals.element);
  } else item.append(element("p", {}, "The arguments are long. Open the conversation to read and decide."));
  shown.set(id, { element: item, approvals, lastSeq });
  list.append(item);
  if (socket.isReady) follow(id, lastSeq);
}

async function resolve(id, run, resume) {
  try {
    await socket.request({ type: "resolve", run_id: id, resume });
  } finally {
    refresh();
    tabs.postMessage({ changed: id });
  }
  byId("inbox-news").textContent = `Decided: ${titled(run.title)}.`;
}

byId("waits").tabIndex = -1;
tabs.onmessage = () => document.hidden || refresh();
addEventListener("focus", refresh);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
refresh();
socket.connect();
