// Deletes a conversation: at once, because that can be undone; but first asks where an answer would be stopped.

import { ApiError, cancelRun, readConversation } from "./api.js";
import { byId } from "./dom.js";
import { titled } from "./words.js";

/** Milliseconds between two looks at a run that is to stop, and after which we give up. */
const LOOK_EVERY = 200;
const STOPS_WITHIN = 10_000;

/** Return the id of the run that goes on in a conversation, or undefined. */
async function liveRunOf(conversation) {
  const { runs } = await readConversation(conversation);
  return runs.find((run) => run.finished_at === null)?.id;
}

async function stopRun(run, conversation) {
  await cancelRun(run);
  const latest = Date.now() + STOPS_WITHIN;
  while ((await liveRunOf(conversation)) === run) {
    if (Date.now() > latest) throw new ApiError("conversation_busy", "The answer has not stopped yet. Try again.");
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
}

export class Deletion {
  #dialog = byId("delete-dialog");
  #confirm = byId("delete-confirm");
  #problem = byId("delete-problem");
  #act;
  #conversation = "";

  /** @param {(id: string) => unknown} act  deletes a conversation in which nothing goes on */
  constructor(act) {
    this.#act = act;
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#confirm.addEventListener("click", () => this.#stopAndDelete());
  }

  /** Delete a conversation, after a question if an answer goes on in it. */
  async ask({ id, title }) {
    const live = await liveRunOf(id).catch(() => undefined);
    if (!live) {
      this.#act(id);
      return;
    }
    this.#conversation = id;
    byId("delete-title").textContent = titled(title);
    this.#problem.textContent = "";
    this.#dialog.showModal();
  }

  async #stopAndDelete() {
    const id = this.#conversation;
    this.#problem.textContent = "";
    this.#confirm.disabled = true;
    try {
      const live = await liveRunOf(id);
      if (live) await stopRun(live, id);
    } catch (error) {
      if (error.code !== "not_found") {
        this.#problem.textContent = error.message;
        return;
      }
    } finally {
      this.#confirm.disabled = false;
    }
    // Who shuts the question meanwhile keeps it.
    if (!this.#dialog.open) return;
    this.#dialog.close();
    this.#act(id);
  }
}
