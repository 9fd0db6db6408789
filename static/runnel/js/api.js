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

/** Call the server with a form, or with JSON text; return its answer, null if that is empty. */
async function call(method, address, body = null) {
  let response;
  try {
    /** @type {HTMLInputElement} */
    const field = document.querySelector("[name=csrfmiddlewaretoken]");
    const token = field.value;
    const headers = { Accept: "application/json", "X-CSRFToken": token };
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    response = await fetch(address, { method, body, headers });
  } catch {
    throw new ApiError("offline", "The server cannot be reached. Try again in a moment.");
  }
  if (response.status === 401) signIn();
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) {
    throw new ApiError(answer?.code ?? "internal", answer?.message ?? "Something went wrong. Try again.");
  }
  return answer;
}

/** Return `{conversations, before}`; hand `before` in again for the page that follows. */
export function listConversations(before = null) {
  return call("GET", `/api/conversations/${before ? `?before=${encodeURIComponent(before)}` : ""}`);
}

/**
 * Return a conversation with its newest runs, their messages and notes. Hand its `before` in again for older runs,
 * or name the `runs` that are wanted.
 */
export function readConversation(id, { before = null, runs = [] } = {}) {
  const asked = runs.map((run) => ["run", run]);
  const query = new URLSearchParams(before ? [["before", before]] : asked).toString();
  return call("GET", `/api/conversations/${id}/${query && `?${query}`}`);
}

/** Delete a conversation for good. */
export function deleteConversation(id) {
  return call("DELETE", `/api/conversations/${id}/`);
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

/** Stop a run. */
export function cancelRun(id) {
  return call("POST", `/api/runs/${id}/cancel/`);
}

/** Hand in a file; return `{id, name, mime_type, size}`. */
export function uploadFile(file) {
  const form = new FormData();
  form.append("file", file);
  return call("POST", "/api/files/", form);
}

/** Delete a file that was handed in. */
export function deleteFile(id) {
  return call("DELETE", `/api/files/${id}/`);
}
