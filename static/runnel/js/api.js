// The JSON over HTTP: reading conversations, deleting one, and stopping a run without a socket.

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

async function call(method, address) {
  let response;
  try {
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    response = await fetch(address, { method, headers: { Accept: "application/json", "X-CSRFToken": token } });
  } catch {
    throw new ApiError("offline", "The server cannot be reached. Try again in a moment.");
  }
  if (response.status === 401) signIn();
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) {
    throw new ApiError(body?.code ?? "internal", body?.message ?? "Something went wrong. Try again.");
  }
  return body;
}

/** Return `{conversations, before}`; hand `before` in again for the page that follows. */
export function listConversations(before = null) {
  return call("GET", `/api/conversations/${before ? `?before=${encodeURIComponent(before)}` : ""}`);
}

/** Return a conversation with its messages and runs. */
export function readConversation(id) {
  return call("GET", `/api/conversations/${id}/`);
}

/** Delete a conversation for good. */
export function deleteConversation(id) {
  return call("DELETE", `/api/conversations/${id}/`);
}

/** Stop a run. */
export function cancelRun(id) {
  return call("POST", `/api/runs/${id}/cancel/`);
}
