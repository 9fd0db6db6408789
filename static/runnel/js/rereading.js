// Reads again what is stored of some runs: one reading at a time, for all that were asked for meanwhile.

export class RereadRuns {
  #read;
  #take;
  #reading = null;
  /** Ids of runs of which more is stored than the page knows. */
  #stale = new Set();

  /** @param {(runs: string[]) => Promise<object>} read @param {(stored: object) => void} take  called with what was read */
  constructor(read, take) {
    this.#read = read;
    this.#take = take;
  }

  /** Read a run; resolves once that is done, also if it has failed. */
  async read(runId) {
    this.#stale.add(runId);
    this.#reading ??= this.#readWhileStale().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  async #readWhileStale() {
    while (this.#stale.size > 0) {
      const runs = [...this.#stale];
      this.#stale.clear();
      const stored = await this.#read(runs).catch(() => null);
      if (stored) this.#take(stored);
    }
  }
}
