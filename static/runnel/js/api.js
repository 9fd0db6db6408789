// The JSON over HTTP: conversations, files, and stopping a run without a socket.

/** An answer that is an error: its code, and a sentence for the user. */
export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Leave for the sign-in page; it leads back here. */
export function signIn() {
  location.assign(`/login/?next=${encodeURIComponent(location.pathname)}`);
}

function headersFor(body) {
  /** @type {HTMLInputElement} */
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  const headers = { Accept: "application/json", ...(field && { "X-CSRFToken": field.value }) };
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  return headers;
}

function unreachable() {
  return new ApiError("offline", "The server cannot be reached. Try again in a moment.");
}

/** Return what the server has answered; `answer` is null if that was no JSON. */
function answerOf(status, answer) {
  if (status === 401) signIn();
  if (status < 200 || status > 299 || answer === null) {
    throw new ApiError(answer?.code ?? "internal", answer?.message ?? "Something went wrong. Try again.");
  }
  return answer;
}

/** Call the server with a form, or with JSON text; return its answer, null if that is empty. */
async function call(method, address, body = null) {
  const headers = headersFor(body);
  // What was changed is kept, also if the page is left at once. Browsers do so for 64 KiB.
  const keepalive = method !== "GET" && !(body instanceof FormData) && (body?.length ?? 0) < 30_000;
  const response = await fetch(address, { method, body, headers, keepalive }).catch(() => {
    throw unreachable();
  });
  if (response.status === 204) return null;
  return answerOf(response.status, await response.json().catch(() => null));
}

/**
 * Return `{conversations, before}`, and `pinned` and `folders` beside the first page of the whole list.
 * @param {{before?: string | null, folder?: string, q?: string, archived?: string}} wanted
 *   `before` of an answer asks for the page that follows it; `q` searches
 */
export function listConversations(wanted = {}) {
  const asked = Object.entries(wanted).filter(([, value]) => value !== null);
  const query = new URLSearchParams(asked).toString();
  return call("GET", `/api/conversations/${query && `?${query}`}`);
}

/**
 * Change how a conversation is listed; return its entry.
 * @param {{title?: string, pinned?: boolean, archived?: boolean, folder?: string, seen?: boolean}} changes
 */
export function changeConversation(id, changes) {
  return call("PATCH", `/api/conversations/${id}/`, JSON.stringify(changes));
}

/** Give a folder another name, or dissolve it with "". */
export function renameFolder(name, newName) {
  return call("PATCH", "/api/folders/", JSON.stringify({ name, new_name: newName }));
}

/**
 * Return a conversation with its newest runs, their messages and notes. Hand its `before` in again for older runs,
 * or name the `runs` that are wanted.
 */
export function readConversation(id, wanted = {}) {
  return readJson(`/api/conversations/${id}/`, wanted);
}

/** Return what is at an address that answers as `readConversation` does. */
export function readJson(address, { before = null, runs = [] } = {}) {
  const asked = runs.map((run) => ["run", run]);
  const query = new URLSearchParams(before ? [["before", before]] : asked).toString();
  return call("GET", `${address}${query && `?${query}`}`);
}

/** Delete a conversation. For some time this can be undone. */
export function deleteConversation(id) {
  return call("DELETE", `/api/conversations/${id}/`);
}

/** Make a conversation from the text of an exported file; return `{id, title}`. */
export function importConversation(text) {
  return call("POST", "/api/conversations/import/", text);
}

/** Undo the deletion of a conversation. */
export function restoreConversation(id) {
  return call("POST", `/api/conversations/${id}/restore/`);
}

/** Return `{shares}` of a conversation: `{id, kind, username, may_stop, created_at}` each. */
export function listShares(conversation) {
  return call("GET", `/api/conversations/${conversation}/shares/`);
}

/** Share a conversation with a user, or by a link, whose `url` is told this one time. */
export function makeShare(conversation, { username = null } = {}) {
  return call("POST", `/api/conversations/${conversation}/shares/`, JSON.stringify(username ? { username } : {}));
}

/** Choose whether those who look may stop an answer. */
export function changeShare(id, changes) {
  return call("PATCH", `/api/shares/${id}/`, JSON.stringify(changes));
}

/** Take a share back. */
export function revokeShare(id) {
  return call("DELETE", `/api/shares/${id}/`);
}

/** Take a conversation that somebody else shares out of the list. */
export function leaveShared(conversation) {
  return call("DELETE", `/api/conversations/${conversation}/shares/`);
}

/** Return the tools that the user may let models use: `{name, description, requires_approval, source}` each. */
export async function listTools() {
  const { tools } = await call("GET", "/api/tools/");
  return tools;
}

/** Choose which tools a conversation may use from now on, by their names. */
export function chooseTools(id, names) {
  return call("PUT", `/api/conversations/${id}/tools/`, JSON.stringify({ tools: names }));
}

/** Return `{count, runs}`: what waits for the user's decision. */
export function listApprovals() {
  return call("GET", "/api/approvals/");
}

/** Return how many runs wait for the user's decision. */
export async function countApprovals() {
  const { count } = await call("GET", "/api/approvals/?only=count");
  return count;
}

/** Decide beforehand about a tool: `verdict` is allow, ask or deny; for one conversation, or for all without its id. */
export function decideBeforehand(verdict, pattern, conversation = null) {
  const body = { verdict, pattern, ...(conversation && { conversation_id: conversation }) };
  return call("POST", "/api/standing-decisions/", JSON.stringify(body));
}

/** Store how pages look: `theme` is "light", "dark" or, as the system is set, "". */
export function choosePreferences(preferences) {
  return call("PUT", "/api/preferences/", JSON.stringify(preferences));
}

/** Return the models to choose from: `{models, providers, favourites, recent, default}`. */
export function listModels() {
  return call("GET", "/api/models/");
}

/** Store with what a conversation's runs are started from now on. */
export function storeSettings(id, settings) {
  return call("PUT", `/api/conversations/${id}/settings/`, JSON.stringify(settings));
}

/** Change some of these settings. */
export function changeSettings(id, settings) {
  return call("PATCH", `/api/conversations/${id}/settings/`, JSON.stringify(settings));
}

/** Return the user's `{presets, favourite_models}`. */
export function readChoices() {
  return call("GET", "/api/choices/");
}

/** Store the user's presets, or favourite models; return both. */
export function storeChoices(choices) {
  return call("PUT", "/api/choices/", JSON.stringify(choices));
}

/** Stop a run. */
export function cancelRun(id) {
  return call("POST", `/api/runs/${id}/cancel/`);
}

/**
 * Hand in a file; return `{id, name, mime_type, size}`.
 * @param {File} file
 * @param {{progress: (share: number) => void, signal: AbortSignal}} options  told how much is on its way, from 0 to 1;
 *   what gives it up
 */
export function uploadFile(file, { progress, signal }) {
  const form = new FormData();
  form.append("file", file);
  // `fetch` does not tell how far it is.
  const request = new XMLHttpRequest();
  request.open("POST", "/api/files/");
  request.responseType = "json";
  for (const [name, value] of Object.entries(headersFor(form))) request.setRequestHeader(name, value);
  return new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 0));
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(unreachable()));
    request.addEventListener("load", () => {
      try {
        resolve(answerOf(request.status, request.response));
      } catch (error) {
        reject(error);
      }
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** Delete a file that was handed in. */
export function deleteFile(id) {
  return call("DELETE", `/api/files/${id}/`);
}
