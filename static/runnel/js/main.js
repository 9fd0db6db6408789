// Puts the page together: what the user does goes to the socket, what comes back to the viewer.

import { cancelRun, chooseTools, decideBeforehand, signIn } from "./api.js";
import { Composer } from "./composer.js";
import { byId, element } from "./dom.js";
import { totals } from "./format.js";
import { shown } from "./hidden.js";
import { Navigation } from "./navigation.js";
import { Notes } from "./notes.js";
import { kept, wordsOf } from "./outbox.js";
import { offerPeople } from "./people.js";
import { showPresence } from "./presence.js";
import { keepInSight, loadTowardsBeginning, scrollByKeys, stickToEnd } from "./scroll.js";
import { offerShortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { ToolMenu } from "./toolmenu.js";
import { Viewer } from "./viewer.js";
import { refreshCount } from "./waitingcount.js";
import { isBlank, sendable, titled } from "./words.js";

const CONNECTION = {
  online: "",
  doubted: "The server has not answered yet. Checking the connection…",
  offline: "No connection to the server. Trying again… What you see here is kept.",
  refused: "The server does not accept connections from this address.",
};

/** What becomes of a Send or a Stop while there is no connection. */
const LATER = {
  start: "There is no connection. This is sent as soon as it is back.",
  cancel: "It will be stopped as soon as the connection is back.",
};

/** Errors of a decision that came too late, or for something else than what waits. */
const OUTDATED = new Set(["interrupt_mismatch", "nothing_pending", "already_terminal", "conflict"]);

/** What asks for the rest of an answer. */
const GO_ON = "Continue exactly where you stopped.";

const main = byId("main");
const runs = byId("runs");
const conversation = main.dataset.conversation;

const navigation = new Navigation(showConversation);
const sidebar = new Sidebar(conversation, {
  go: (address) => navigation.go(address),
  titled: showTitle,
  gone: conversationGone,
});
const toEnd = stickToEnd(byId("scroll"), byId("jump"), () => byId("welcome").hidden);
const loadOlder = loadTowardsBeginning(byId("scroll"), () => viewer.loadOlder().catch(report));

const socket = new Socket(new URL("/ws/", location.href).href.replace(/^http/, "ws"), {
  ready: () => {
    composer.online();
    viewer.follow().catch(report);
    // First the list is followed, so that no change is missed.
    socket.request({ type: "subscribe", list: true }).then(() => sidebar.refresh()).catch(() => {});
    refreshCount();
  },
  listed: (entry) => {
    sidebar.take(entry);
    // It may wait for a decision now, or not any more.
    refreshCount();
  },
  present: (frame) => frame.conversation_id === viewer.conversation && showPresence(frame.people, main.dataset.user),
  unshared: (frame) => frame.conversation_id === viewer.conversation && conversationGone(),
  event: (frame, characters) => viewer.receive(frame, characters),
  state: (state) => showConnection(state),
  signedOut: signIn,
  error: report,
});

const viewer = new Viewer({
  socket,
  list: runs,
  conversation,
  user: main.dataset.user,
  loaded: (stored) => {
    showRole();
    composer.propose(stored.runs.at(-1)?.model);
    showTitle(stored.title);
    sidebar.open(stored);
    if (!viewer.shared) tools.take(stored.tools);
    notes.show(stored.notes);
    byId("totals").textContent = totals(stored);
  },
  loadedOlder: (stored, draw) => {
    keepInSight(byId("scroll"), runs.firstElementChild, draw);
    notes.show(stored.notes);
  },
  changed: runChanged,
  handlers: {
    afterEnd: (view) => (viewer.shared ? [] : afterEnd(view)),
    beforehand: { mayAllow: main.dataset.mayAllow !== undefined, decide: beforehand },
    // Somebody who only looks decides nothing.
    get resolve() {
      return viewer.shared ? null : resolve;
    },
  },
});
const composer = new Composer({ send, stop, lastQuestion: () => viewer.lastQuestion }, conversation);
const notes = new Notes();
const tools = new ToolMenu(async (names) => {
  // A conversation that is yet to begin takes them along.
  if (viewer.conversation) await chooseTools(viewer.conversation, names);
});

function report({ code, message }) {
  if (code === "not_found" && viewer.conversation) conversationGone();
  // The line about the connection says that already; what was left is of no interest any more.
  else if (code !== "offline" && code !== "left") composer.note(message);
}

function showTitle(title) {
  sidebar.title = viewer.conversation ? title : "";
  byId("title").textContent = viewer.conversation ? titled(title) : "";
}

/** Show another conversation, or an empty page with "". */
async function showConversation(id) {
  if (id === viewer.conversation && id) return;
  viewer.switchTo(id);
  composer.open(id);
  notes.clear();
  tools.open();
  sidebar.current = id;
  sidebar.close();
  byId("totals").textContent = "";
  showPresence([], "");
  showRole();
  const title = sidebar.titleOf(id);
  showTitle(title);
  showState();
  composer.focus();
  if (!id) {
    composer.proposeLast();
    suggest();
    return;
  }
  announce(`Conversation “${titled(title)}”.`);
  try {
    await (socket.isReady ? viewer.follow() : viewer.load());
    showState();
    toEnd();
    await loadOlder();
  } catch (error) {
    report(error);
  }
}

/** Let somebody who only looks write nothing; the owner says whether they may stop an answer. */
function showRole() {
  const { shared } = viewer;
  const line = byId("onlooker");
  line.hidden = !shared;
  byId("composer").hidden = Boolean(shared);
  if (!shared) return;
  const may = shared.may_stop && viewer.liveRun ? [" ", button("Stop the answer", stop)] : [];
  line.replaceChildren(element("bdi", {}, shown(shared.owner)), " shares this with you. You can read along.", ...may);
}

function showConnection(state) {
  main.dataset.connection = state;
  byId("connection").textContent = CONNECTION[state] ?? byId("connection").textContent;
  byId("retry").hidden = state !== "offline";
  viewer.isOnline = state === "online" || state === "doubted";
  if (state === "offline") sayLater();
}

function showState() {
  showRole();
  byId("welcome").hidden = !viewer.isEmpty || Boolean(viewer.conversation);
  const { liveRun } = viewer;
  if (!liveRun) composer.activity = "idle";
  else composer.activity = liveRun.isWaiting ? "waiting" : "running";
}

/** Have something read out, once. */
function announce(words) {
  const announcer = byId("announcer");
  if (announcer.textContent !== words) announcer.textContent = words;
}

function runChanged(view, what) {
  announce(what === "started" ? "Answering." : view.announcement);
  // Whatever was said of the run while it waited, or while it went on.
  if (what !== "waits") composer.note("");
  if (view.run.status === "completed" && view.run.model) composer.remember(view.run.model);
  showState();
}

function conversationGone() {
  sidebar.remove(viewer.conversation);
  composer.gone();
}

function button(words, act) {
  const made = element("button", { type: "button", class: "link again" }, words);
  made.addEventListener("click", act);
  return made;
}

/** Return what is offered under an answer that has ended, the links beside the buttons of the newest one. */
function afterEnd(view) {
  const offered = [];
  const hasFailed = view.run.status === "failed";
  if (view.isCut) offered.push(button("Continue", () => composer.resend(GO_ON, [])));
  if (hasFailed || view.isStoppedInSilence) {
    offered.push(button("Try again", () => composer.resend(view.question, view.files)));
    offered.push(button("Edit and send again", () => composer.writeAgain(view.question)));
  }
  const { traces } = main.dataset;
  if (hasFailed && traces) offered.push(element("a", { href: `${traces}?run_id=${view.run.id}` }, "Details"));
  return offered;
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
  const words = sendable(text);
  if (!files.length) return words;
  const said = isBlank(words) ? [] : [{ type: "text", text: words }];
  return [{ id, role: "user", content: [...said, ...files] }];
}

/** Commands of the user that the server has not answered. */
const unanswered = new Set();

function sayLater() {
  for (const { type } of unanswered) composer.note(LATER[type], { whileOffline: true });
}

/** Send what the user asked for, now or once there is a connection again. */
async function command(frame) {
  unanswered.add(frame);
  if (!socket.isReady) sayLater();
  try {
    return await socket.request(frame, { repeat: true });
  } finally {
    unanswered.delete(frame);
  }
}

// A file or a tool may be what is gone: then only the conversation itself tells whether it is there.
async function findMissing(error, files, names = []) {
  await tools.load();
  if (files.length || !(await tools.has(...names))) await viewer.load().catch(report);
  else report(error);
}

async function send(text, files, model, { instead }) {
  const runId = newId();
  const frame = { type: "start", run_id: runId, model, input: inputOf(runId, text, files) };
  const names = await tools.ticked();
  const options = { ...(names && { tools: names }), ...(instead && { cancel_pending: true }) };
  if (Object.keys(options).length) frame.options = options;
  if (viewer.conversation) frame.conversation_id = viewer.conversation;
  const { turn } = viewer;
  viewer.expect(runId, model);
  // The run's id is ours, so that a second copy of the frame starts nothing new.
  const answer = await command(frame).catch(async (error) => {
    if (error.code === "not_found") await findMissing(error, files, names);
    throw error;
  });
  begun(answer, turn);
}

/** Show a run that the server has taken, unless another conversation is on the page by now. */
function begun(answer, turn) {
  if (turn !== viewer.turn) return;
  composer.note("");
  if (!viewer.conversation) {
    navigation.replace(`/c/${answer.conversation_id}/`);
    sidebar.current = answer.conversation_id;
    composer.conversation = answer.conversation_id;
  }
  toEnd();
  // It was taken, whatever becomes of following it: the field is free.
  viewer.started(answer).catch(() => {
    // The connection broke meanwhile: `follow` does the same once it is back.
  });
}

/** Send again what was sent before the page was loaded and not answered: the server takes it once. */
function sendKept() {
  const { turn } = viewer;
  for (const frame of kept()) {
    const taken = command(frame);
    if ((frame.conversation_id ?? "") === viewer.conversation) {
      viewer.expect(frame.run_id, frame.model);
      composer.resume(wordsOf(frame), taken.then((answer) => begun(answer, turn)));
    } else taken.catch(report);
  }
}

async function stop() {
  const view = viewer.liveRun;
  if (!view) return;
  view.stopping();
  const id = view.run.id;
  if (!socket.isReady) stopOverHttp(id);
  // Asking twice changes nothing, and would only wait twice.
  if ([...unanswered].some(({ type, run_id: asked }) => type === "cancel" && asked === id)) return;
  try {
    await command({ type: "cancel", run_id: id });
  } catch (error) {
    view.stopping(false);
    report(error);
  }
}

/** Hand in the decisions that a run waits for. Never twice by itself: another's may have come in between. */
async function resolve(id, resume) {
  try {
    await socket.request({ type: "resolve", run_id: id, resume });
  } catch (error) {
    if (OUTDATED.has(error.code)) viewer.catchUp(id);
    throw error;
  }
}

/** Decide about all calls of some tools, in this conversation or in all. */
function beforehand(verdict, pattern, isHere) {
  return decideBeforehand(verdict, pattern, isHere ? viewer.conversation : null);
}

// Without a socket the run goes on all the same, and plain HTTP may still get through.
async function stopOverHttp(id) {
  try {
    await cancelRun(id);
    composer.online();
  } catch {
    // The socket asks again as soon as it is back.
  }
}

/** Offer a newcomer what shows most, if the tools for it are there. */
async function suggest() {
  byId("suggestions").hidden = !(await tools.has("clock", "calculate", "write_note"));
}

byId("suggestions").addEventListener("click", ({ target, currentTarget }) => {
  if (target.localName === "button") composer.ask(target.textContent, currentTarget.dataset.model);
});
if (!conversation) {
  composer.proposeLast();
  suggest();
}
offerShortcuts({
  stop,
  isRunning: () => composer.activity === "running",
  begin: () => navigation.go("/"),
  search: () => sidebar.search(),
});
offerPeople({ report, maySetUp: main.dataset.maySetUp !== undefined });
scrollByKeys(byId("scroll"), byId("message"));
byId("retry").addEventListener("click", () => socket.retryNow());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
sidebar.refresh();
tools.load();
sendKept();
viewer
  .load()
  .then(() => {
    showState();
    // Else the beginning would be in sight until the browser has measured the page.
    toEnd();
    return loadOlder();
  })
  .catch(report);
socket.connect();
