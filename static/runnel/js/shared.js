// The page of a share link: one conversation to read along, live. Nothing is sent but what a link may.

import { ApiError, readJson } from "./api.js";
import { byId } from "./dom.js";
import { readFilesBelow } from "./media.js";
import { showPresence } from "./presence.js";
import { keepInSight, loadTowardsBeginning, stickToEnd } from "./scroll.js";
import { Socket } from "./socket.js";
import { Viewer } from "./viewer.js";
import { titled } from "./words.js";

const CONNECTION = {
  online: "",
  doubted: "The server has not answered yet. Checking the connection…",
  offline: "No connection to the server. Trying again…",
  refused: "The server does not accept connections from this address.",
};

const [, secret] = /^\/s\/([^/]+)\//.exec(location.pathname) ?? ["", ""];
const address = `/api/shared/${secret}/`;
readFilesBelow(`${address}files/`);

const runs = byId("runs");
const stop = byId("stop");
let mayStop = false;
let conversation = "";

const toEnd = stickToEnd(byId("scroll"), byId("jump"));
const loadOlder = loadTowardsBeginning(byId("scroll"), () => viewer.loadOlder().catch(report));

const socket = new Socket(
  new URL("/ws/", location.href).href.replace(/^http/, "ws"),
  {
    ready: () => viewer.follow().catch(report),
    event: (frame, characters) => viewer.receive(frame, characters),
    conversation: (frame) => viewer.branchChanged(frame).catch(report),
    present: ({ people }) => showPresence(people, ""),
    state: showConnection,
    signedOut: gone,
    error: report,
  },
  ["runnel.v1", `share.${secret}`],
);

const viewer = new Viewer({
  socket,
  list: runs,
  conversation: "",
  user: "",
  read: (_, wanted) => readJson(address, wanted),
  loaded: (stored) => {
    mayStop = stored.shared.may_stop;
    document.title = `${titled(stored.title)} · Runnel`;
    byId("title").textContent = titled(stored.title);
    showState();
  },
  loadedOlder: (_, draw) => keepInSight(byId("scroll"), runs.firstElementChild, draw),
  changed: (view) => {
    byId("announcer").textContent = view.announcement;
    showState();
  },
  handlers: {},
});

function showState() {
  stop.hidden = !mayStop || !viewer.liveRun;
}

function showConnection(state) {
  byId("connection").textContent = CONNECTION[state] ?? byId("connection").textContent;
  byId("retry").hidden = state !== "offline";
  viewer.isOnline = state === "online" || state === "doubted";
}

/** The link was revoked, or the conversation deleted: nothing of it stays on the page. */
function gone() {
  socket.close();
  viewer.switchTo("");
  byId("gone").hidden = false;
  byId("title").textContent = "";
  document.title = "Runnel";
  byId("presence").textContent = "";
  byId("connection").textContent = "";
  byId("announcer").textContent = "";
  byId("retry").hidden = true;
  byId("foot").hidden = true;
}

function report({ code, message }) {
  if (code === "not_found" || code === "unauthenticated") gone();
  else if (code !== "offline" && code !== "left") byId("connection").textContent = message;
}

stop.addEventListener("click", () => {
  const view = viewer.liveRun;
  if (!view) return;
  view.stopping();
  socket.request({ type: "cancel", run_id: view.run.id }).catch((error) => {
    view.stopping(false);
    report(error);
  });
});
byId("retry").addEventListener("click", () => socket.retryNow());

async function begin() {
  try {
    ({ id: conversation } = await readJson(address, { runs: [] }));
    viewer.switchTo(conversation);
    await viewer.load();
    toEnd();
    socket.connect();
    await loadOlder();
  } catch (error) {
    if (error instanceof ApiError && error.code === "not_found") gone();
    else report(error);
  }
}

begin();
