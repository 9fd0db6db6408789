// What the socket is asked to tell of: a conversation with its later runs, and runs that go on.

export class Following {
  #socket;

  /** @param {object} socket */
  constructor(socket) {
    this.#socket = socket;
  }

  /** Follow a run from where it is `known`: `{seq, isAsking}`. */
  async run(id, known) {
    known.isAsking = true;
    try {
      await this.#socket.request({ type: "subscribe", run_id: id, after: known.seq });
    } finally {
      known.isAsking = false;
    }
  }

  /** Follow a conversation; return what is told of it: `shown`, `run_id` of what goes on, `shared` unless it is one's own. */
  conversation(id) {
    return this.#socket.request({ type: "subscribe", conversation_id: id, presence: true });
  }

  /** Follow a conversation and some runs no more. Without an answer nothing is followed any more either. */
  leave(conversation, runs) {
    for (const target of [{ conversation_id: conversation }, ...runs.map((id) => ({ run_id: id }))]) {
      this.#socket.request({ type: "unsubscribe", ...target }).catch(() => {});
    }
  }
}
