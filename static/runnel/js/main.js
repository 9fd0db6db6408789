// Puts the page together: what the user does goes to the socket, what comes back to the viewer.

import { chooseTools, decideBeforehand, signIn } from "./api.js";
import { Commands } from "./commands.js";
import { Composer } from "./composer.js";
import { byId, element } from "./dom.js";
import { totals } from "./format.js";
import { shown } from "./hidden.js";
import { Navigation } from "./navigation.js";
import { Notes } from "./notes.js";
import { offerPeople } from "./people.js";
import { showPresence } from "./presence.js";
import { Queue } from "./queue.js";
import { keepInSight, loadTowardsBeginning, scrollByKeys, stickToEnd } from "./scroll.js";
import { Settings } from "./settings.js";
import { offerShortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { toast } from "./toast.js";
import { ToolMenu } from "./toolmenu.js";
import { Versions } from "./versions.js";
import { Viewer } from "./viewer.js";
import { refreshCount } from "./waitingcount.js";
import { sentenceOf, titled } from "./words.js";

const CONNECTION = {
  online: "",
  doubted: "The server has not answered yet. Checking the connection…",
  offline: "No connection to the server. Trying again… What you see here is kept.",
  refused: "The server does not accept connections from this address.",
};

const main = byId("main");
const runs = byId("runs");
const conversation = main.dataset.conversation;

const navigation = new Navigation({ show: showConversation, soon: (id) => viewer.prefetch(id) });
const sidebar = new Sidebar(conversation, {
  go: (address) => navigation.go(address),
  titled: showTitle,
  gone: conversationGone,
  // Somebody has undone the deletion.
  back: () => location.reload(),
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
  conversation: (frame) => outlineChanged(frame),
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
    composer.model.propose(stored.settings?.model ?? stored.runs.at(-1)?.model);
    showTitle(stored.title);
    sidebar.open(stored);
    if (!viewer.shared) {
      tools.take(stored.tools);
      settings.take(stored);
    }
    queue.take(stored.id, viewer.shared ? {} : stored.queue);
    notes.show(stored.notes);
    byId("totals").textContent = totals(stored);
  },
  loadedOlder: (stored, draw) => {
    keepInSight(byId("scroll"), runs.firstElementChild, draw);
    notes.show(stored.notes);
  },
  changed: runChanged,
  handlers: {
    // Somebody who only looks changes nothing.
    get versions() {
      return viewer.shared ? {} : versions.handlers;
    },
    beforehand: { mayAllow: main.dataset.mayAllow !== undefined, decide: beforehand },
    get resolve() {
      return viewer.shared ? null : (id, resume) => commands.resolve(id, resume);
    },
  },
});
const notes = new Notes();
const tools = new ToolMenu(async (names) => {
  // A conversation that is yet to begin takes them along.
  if (viewer.conversation) await chooseTools(viewer.conversation, names);
});
const settings = new Settings(conversation, {
  stopAfterStep: () => commands.stop({ mode: "after_step" }),
  canStopAfterStep: () => composer.activity === "running",
});
const commands = new Commands({
  socket,
  viewer,
  tools,
  settings,
  composer: () => composer,
  begun,
  taken: toEnd,
  stopping,
  report,
});
const queue = new Queue({ change: (frame) => commands.change(frame), report });
const composer = new Composer(
  {
    send: (...said) => commands.send(...said),
    steer: (...said) => commands.steer(...said),
    canSteer: () => tools.count > 0,
    stop: () => commands.stop(),
    editLast: () => viewer.lastAsked?.edit() ?? false,
    modelChosen: (name) => settings.chooseModel(name).catch(report),
  },
  conversation,
);
const versions = new Versions({ viewer, commands, composer, settings, report, traces: main.dataset.traces });

function report(error) {
  const { code } = error;
  if (code === "not_found" && viewer.conversation) conversationGone();
  // The line about the connection says that already; what was left is of no interest any more.
  else if (code !== "offline" && code !== "left") composer.note(sentenceOf(error));
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
  settings.reset(id);
  queue.take(id);
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
    composer.model.proposeLast();
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
  const may = shared.may_stop && viewer.liveRun ? [" ", stopButton()] : [];
  line.replaceChildren(element("bdi", {}, shown(shared.owner)), " shares this with you. You can read along.", ...may);
}

function showConnection(state) {
  main.dataset.connection = state;
  byId("connection").textContent = CONNECTION[state] ?? byId("connection").textContent;
  byId("retry").hidden = state !== "offline";
  viewer.isOnline = state === "online" || state === "doubted";
  if (state === "offline") commands.sayLater();
}

function showState() {
  showRole();
  byId("welcome").hidden = !viewer.isEmpty || Boolean(viewer.conversation);
  const { liveRun } = viewer;
  if (!liveRun) composer.activity = "idle";
  else composer.activity = liveRun.isWaiting ? "waiting" : "running";
  // What begins another run is offered while none goes on.
  runs.classList.toggle("busy", Boolean(liveRun));
}

/** Have something read out, once. */
function announce(words) {
  const announcer = byId("announcer");
  if (announcer.textContent !== words) announcer.textContent = words;
}

// Most runs stop at once, and only that is read out.
function stopping(view) {
  if (view.isHeldUp) announce(view.announcement);
}

function runChanged(view, what) {
  announce(view.announcement);
  // Whatever was said of the run while it waited, or while it went on.
  if (what !== "waits" && what !== "held") composer.note("");
  if (view.run.status === "completed" && view.run.model) composer.model.remember(view.run.model);
  showState();
}

function conversationGone() {
  sidebar.remove(viewer.conversation);
  if (viewer.shared) {
    // Nothing of it stays on the page.
    navigation.go("/");
    toast("This conversation is not shared with you any more.");
    return;
  }
  composer.gone();
}

function stopButton() {
  const made = element("button", { type: "button", class: "link" }, "Stop the answer");
  made.addEventListener("click", () => commands.stop());
  return made;
}

/** The first message was taken: from now on this is a conversation. */
function begun(id) {
  navigation.replace(`/c/${id}/`);
  sidebar.current = id;
  composer.conversation = id;
  settings.begin(id);
}

/** The queue has changed, or which branch is shown. */
function outlineChanged(outline) {
  if (outline.conversation_id !== viewer.conversation) return;
  queue.take(outline.conversation_id, viewer.shared ? {} : outline.queue);
  viewer.branchChanged(outline).catch(report);
}

/** Decide about all calls of some tools, in this conversation or in all. */
function beforehand(verdict, pattern, isHere) {
  return decideBeforehand(verdict, pattern, isHere ? viewer.conversation : null);
}

/** Offer a newcomer what shows most, if the tools for it are there. */
async function suggest() {
  byId("suggestions").hidden = !(await tools.has("clock", "calculate", "write_note"));
}

byId("suggestions").addEventListener("click", ({ target, currentTarget }) => {
  if (target.localName === "button") composer.ask(target.textContent, currentTarget.dataset.model);
});
if (!conversation) {
  composer.model.proposeLast();
  suggest();
}
offerShortcuts({
  commands,
  composer,
  viewer,
  settings,
  queue,
  begin: () => navigation.go("/"),
  search: () => sidebar.search(),
});
offerPeople({ report, maySetUp: main.dataset.maySetUp !== undefined });
scrollByKeys(byId("scroll"), byId("message"));
byId("retry").addEventListener("click", () => socket.retryNow());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
sidebar.refresh();
tools.load();
commands.sendKept();
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
