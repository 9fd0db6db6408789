// Tells the server how far this viewer has read, now and then.

/** Characters and milliseconds after which it is told. */
const AFTER = 64 * 1024;
const EVERY = 1000;

export class Acks {
  #socket;
  #runs;

  /** @param {object} socket @param {Map<string, {seq: number, acked: number, unacked: number}>} runs  by id */
  constructor(socket, runs) {
    this.#socket = socket;
    this.#runs = runs;
    setInterval(() => {
      for (const id of runs.keys()) this.tell(id);
    }, EVERY);
  }

  /** Something of a run has come: so many characters. */
  got(id, characters) {
    const known = this.#runs.get(id);
    known.unacked += characters;
    if (known.unacked > AFTER) this.tell(id);
  }

  /** Tell at once how far a run was read. */
  tell(id) {
    const known = this.#runs.get(id);
    if (known.acked >= known.seq) return;
    known.acked = known.seq;
    known.unacked = 0;
    this.#socket.tell({ type: "ack", run_id: id, seq: known.seq });
  }
}
