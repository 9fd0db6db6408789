// Deletes a conversation after a question. One that is being answered is stopped first, if the user agrees.

import { ApiError, cancelRun, deleteConversation, readConversation } from "./api.js";
import { byId } from "./dom.js";

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
  #deleted;
  #conversation = "";
  #isStopOffered = false;

  /** @param {(id: string) => void} deleted  called once a conversation is gone */
  constructor(deleted) {
    this.#deleted = deleted;
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#confirm.addEventListener("click", () => this.#delete());
  }

  /** Ask whether a conversation is to go; `isLive` is whether it was being answered when we last heard. */
  ask({ id, title, isLive }) {
    this.#conversation = id;
    byId("delete-title").textContent = title;
    this.#problem.textContent = "";
    this.#offerStop(isLive);
    this.#dialog.showModal();
  }

  #offerStop(isOffered) {
    this.#isStopOffered = isOffered;
    byId("delete-live").hidden = !isOffered;
    this.#confirm.textContent = isOffered ? "Stop and delete" : "Delete";
  }

  async #delete() {
    const id = this.#conversation;
    this.#problem.textContent = "";
    this.#confirm.disabled = true;
    try {
      const live = await liveRunOf(id);
      // It began after the question was asked: nobody has agreed to stop it.
      if (live && !this.#isStopOffered) {
        this.#offerStop(true);
        return;
      }
      if (live) await stopRun(live, id);
      // Who shuts the question meanwhile keeps it.
      if (!this.#dialog.open || this.#conversation !== id) return;
      await deleteConversation(id);
    } catch (error) {
      if (error.code !== "not_found") {
        this.#problem.textContent = error.message;
        return;
      }
    } finally {
      this.#confirm.disabled = false;
    }
    this.#dialog.close();
    this.#deleted(id);
  }
}
