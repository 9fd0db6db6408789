// One WebSocket that heals: request and answer by id, reconnection with back-off.
//
// Speaks the envelope of docs/protocol.md and knows nothing of conversations or of the page. After
// each `ready` its owner subscribes again; requests that may be repeated are sent again by itself.

const FIRST_DELAY = 400;
const LONGEST_DELAY = 15_000;
const PING_EVERY = 25_000;
const ANSWER_WITHIN = 10_000;

const SIGNED_OUT = 4401;
const REFUSED = 4403;
const RATE_LIMITED = 4429;

/** An `error` frame; or `offline`: the connection broke first; or `too_long`: it cannot be sent at all. */
export class RequestError extends Error {
  constructor(code, message, retryable) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

export class Socket {
  #address;
  #handlers;
  #socket = null;
  #isReady = false;
  #attempts = 0;
  #timer = 0;
  #pingTimer = 0;
  #nextId = 1;
  #longest = 64 * 1024;
  /** Requests without an answer: id → {frame, repeat, resolve, reject}. */
  #pending = new Map();

  /**
   * @param {string} address
   * @param {{ready: Function, event: Function, state: Function, signedOut: Function, error: Function}} handlers
   *   `ready(frame)`, `event(frame, characters)`, `state("connecting" | "online" | "offline" | "refused")`,
   *   `signedOut()`, and `error(frame)` for errors that answer no request
   */
  constructor(address, handlers) {
    this.#address = address;
    this.#handlers = handlers;
    addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
  }

  get isReady() {
    return this.#isReady;
  }

  connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#handlers.state("connecting");
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code);
  }

  /**
   * Send a frame with an id; resolve with its `ok`, reject with a `RequestError`.
   * With `repeat` it survives a broken connection: only for what the server takes twice as once.
   */
  request(frame, { repeat = false } = {}) {
    const id = String(this.#nextId++);
    const full = { ...frame, id };
    return new Promise((resolve, reject) => {
      const bytes = new TextEncoder().encode(JSON.stringify(full)).length;
      if (bytes > this.#longest) {
        const limit = Math.floor(this.#longest / 1024);
        reject(new RequestError("too_long", `This is longer than the ${limit} KiB that fit into one message.`));
        return;
      }
      if (!this.#isReady && !repeat) {
        reject(new RequestError("offline", "There is no connection to the server.", true));
        return;
      }
      this.#pending.set(id, { frame: full, repeat, resolve, reject });
      if (this.#isReady) this.#send(full);
    });
  }

  /** Send a frame that nobody answers; while offline it is dropped. */
  tell(frame) {
    if (this.#isReady) this.#send(frame);
  }

  #receive(data) {
    const frame = JSON.parse(data);
    switch (frame.type) {
      case "ready":
        this.#isReady = true;
        this.#attempts = 0;
        this.#longest = frame.limits.frame_bytes;
        this.#schedulePing();
        this.#handlers.state("online");
        for (const { frame: unanswered } of this.#pending.values()) this.#send(unanswered);
        this.#handlers.ready(frame);
        break;
      case "event":
        this.#handlers.event(frame, data.length);
        break;
      case "ok":
      case "pong":
        this.#take(frame.id)?.resolve(frame);
        break;
      case "error": {
        const request = this.#take(frame.id);
        if (request) request.reject(new RequestError(frame.code, frame.message, frame.retryable));
        else this.#handlers.error(frame);
        break;
      }
    }
  }

  #take(id) {
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    return request;
  }

  #send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #closed(code) {
    // A session that was good a moment ago may go on under another key: another tab changed the password.
    const isOver = code === SIGNED_OUT && !this.#isReady;
    this.#isReady = false;
    this.#socket = null;
    clearTimeout(this.#pingTimer);
    for (const [id, request] of this.#pending) {
      if (request.repeat) continue;
      this.#pending.delete(id);
      request.reject(new RequestError("offline", "The connection to the server broke.", true));
    }
    if (isOver) {
      this.#handlers.signedOut();
    } else if (code === REFUSED) {
      this.#handlers.state("refused");
    } else {
      this.#handlers.state("offline");
      const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts++);
      const delay = code === RATE_LIMITED ? LONGEST_DELAY : ceiling * (0.5 + Math.random() / 2);
      this.#timer = setTimeout(() => this.connect(), delay);
    }
  }

  #retryNow() {
    if (this.#socket === null && this.#timer) this.connect();
  }

  // A connection can be dead without a close: only an unanswered ping tells.
  #schedulePing() {
    this.#pingTimer = setTimeout(async () => {
      const socket = this.#socket;
      const giveUp = setTimeout(() => {
        if (socket !== this.#socket) return;
        socket.close();
        this.#closed(1006);
      }, ANSWER_WITHIN);
      await this.request({ type: "ping" }).catch(() => null);
      clearTimeout(giveUp);
      if (socket === this.#socket && this.#isReady) this.#schedulePing();
    }, PING_EVERY);
  }
}
