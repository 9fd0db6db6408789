// Puts the page together: what the user does goes to the socket, what comes back to the viewer.

import { cancelRun, signIn } from "./api.js";
import { Composer } from "./composer.js";
import { ConversationList } from "./conversations.js";
import { byId, element } from "./dom.js";
import { setUpDrawer } from "./drawer.js";
import { stickToEnd } from "./scroll.js";
import { Socket } from "./socket.js";
import { Viewer } from "./viewer.js";

const CONNECTION = {
  online: "",
  offline: "No connection to the server. Trying again… What you see here is kept.",
  refused: "The server does not accept connections from this address.",
};

const main = byId("main");
const runs = byId("runs");
const conversation = main.dataset.conversation;

const list = new ConversationList(conversation);
const toEnd = stickToEnd(byId("scroll"), runs, byId("jump"));

const socket = new Socket(new URL("/ws/", location.href).href.replace(/^http/, "ws"), {
  ready: () => {
    composer.online();
    viewer.follow().catch(report);
  },
  event: (frame, characters) => viewer.receive(frame, characters),
  state: (state) => showConnection(state),
  signedOut: signIn,
  error: report,
});

const viewer = new Viewer({
  socket,
  list: runs,
  conversation,
  loaded: (stored) => composer.propose(stored.runs.at(-1)?.model),
  changed: runChanged,
  afterFailure,
});
const composer = new Composer({ send, stop }, conversation);

function report({ code, message }) {
  // The line about the connection says that already.
  if (code !== "offline") composer.note(message);
}

function showConnection(state) {
  main.dataset.connection = state;
  byId("connection").textContent = CONNECTION[state] ?? byId("connection").textContent;
}

function showState() {
  byId("welcome").hidden = !viewer.isEmpty || Boolean(viewer.conversation);
  composer.isRunning = viewer.liveRun !== undefined;
}

function runChanged(view, what) {
  byId("announcer").textContent = what === "ended" ? view.announcement : "Answering.";
  if (what === "ended") {
    // Whatever was said of the run while it went on.
    composer.note("");
    if (view.run.status === "completed" && view.run.model) composer.remember(view.run.model);
  }
  showState();
  refreshList();
}

function afterFailure(view) {
  const again = element("button", { type: "button", class: "link" }, "Try again");
  again.addEventListener("click", () => composer.writeAgain(view.question));
  const { traces } = main.dataset;
  return traces ? [again, element("a", { href: `${traces}?run_id=${view.run.id}` }, "Details")] : [again];
}

function refreshList() {
  list.refresh().catch(() => {
    // The list stays as it is; the next run or visit brings it up to date.
  });
}

// `crypto.randomUUID` exists on secure origins only, and a home server may be plain http.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Return what a `start` asks: plain words, or words and files as an AG-UI user message. */
function inputOf(id, text, files) {
  // What a pasted text may hold and no server takes.
  const words = text.toWellFormed().replaceAll("\0", "");
  if (!files.length) return words;
  const said = words.trim() ? [{ type: "text", text: words }] : [];
  return [{ id, role: "user", content: [...said, ...files] }];
}

async function send(text, files, model) {
  const runId = newId();
  const input = inputOf(runId, text, files);
  viewer.expect(runId, model);
  if (!socket.isReady) {
    composer.note("There is no connection. This is sent as soon as it is back.", { whileOffline: true });
  }
  const known = viewer.conversation ? { conversation_id: viewer.conversation } : {};
  // The run's id is ours, so that a second copy of the frame starts nothing new.
  const answer = await socket.request(
    { type: "start", run_id: runId, model, input, ...known },
    { repeat: true },
  );
  composer.note("");
  if (!viewer.conversation) {
    history.replaceState(null, "", `/c/${answer.conversation_id}/`);
    list.current = answer.conversation_id;
    composer.conversation = answer.conversation_id;
  }
  toEnd();
  await viewer.started(answer).catch(() => {
    // The connection broke meanwhile: `follow` does the same once it is back.
  });
}

async function stop() {
  const view = viewer.liveRun;
  if (!view) return;
  view.stopping();
  const id = view.run.id;
  try {
    // Without a socket the run goes on all the same, and plain HTTP may still get through.
    if (socket.isReady) await socket.request({ type: "cancel", run_id: id }, { repeat: true });
    else await cancelRun(id);
  } catch (error) {
    view.stopping(false);
    composer.note(error.message, { whileOffline: error.code === "offline" });
  }
}

if (!conversation) composer.propose();
setUpDrawer();
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("focus", refreshList);
refreshList();
viewer.load().then(showState).catch(report);
socket.connect();
