// One WebSocket that heals: request and answer by id, reconnection with back-off.
//
// Speaks the envelope of docs/reference/protocol.md and knows nothing of conversations or of the page. After
// each `ready` its owner subscribes again; requests that may be repeated are sent again by itself.

import { drop, keep } from "./outbox.js";

const FIRST_DELAY = 400;
/** Who looks at the page sees within a second that the server is back. */
const LONGEST_DELAY = 800;
const LONGEST_DELAY_UNSEEN = 15_000;
const PING_EVERY = 25_000;
const READY_WITHIN = 20_000;
/** The same after a failure: a server that is back answers sooner, and one that swallows everything is asked again. */
const READY_AGAIN_WITHIN = 6_000;
/** Milliseconds after which an attempt may be given up for a new one, if somebody asks for that. */
const OLD_ATTEMPT = 1_500;
const ANSWER_WITHIN = 10_000;
/** The same when there is a reason to doubt: an answer that is late, or a browser that says it is offline. */
const DOUBT_AFTER = 2_000;
const DOUBTED_ANSWERS_WITHIN = 5_000;

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
  #protocols;
  /** Whether nobody wants a connection any more. */
  #isOver = false;
  #socket = null;
  #isReady = false;
  #attempts = 0;
  /** When the newest attempt began, as `performance.now()` tells it. */
  #startedAt = 0;
  #timer = 0;
  #pingTimer = 0;
  #deadline = 0;
  #deadlineAt = Infinity;
  #isDoubted = false;
  #nextId = 1;
  #longest = 64 * 1024;
  /** Requests without an answer: id → {frame, repeat, resolve, reject}. */
  #pending = new Map();

  /**
   * @param {string} address
   * @param {{ready: Function, event: Function, conversation?: Function, listed?: Function, present: Function, unshared?: Function,
   *   state: Function, signedOut: Function, error: Function}} handlers
   *   `ready(frame)`, `event(frame, characters)`, `conversation(frame)`, `listed(entry)`, `present(frame)`, `unshared(frame)`, `signedOut()`,
   *   `error(frame)` for errors that answer no request, and `state("connecting" | "online" | "doubted" | "offline" | "refused")`
   */
  constructor(address, handlers, protocols = []) {
    this.#address = address;
    this.#handlers = handlers;
    this.#protocols = protocols;
    addEventListener("online", () => {
      // An attempt from before may wait in vain for a network that is gone.
      if (this.#socket && !this.#isReady) this.#giveUp();
      this.retryNow();
    });
    // Only a hint: a server on this machine, or another way to it, answers all the same.
    addEventListener("offline", () => this.#isReady && this.#ping(DOUBT_AFTER));
    document.addEventListener("visibilitychange", () => document.hidden || this.retryNow());
  }

  get isReady() {
    return this.#isReady;
  }

  connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#isOver) return;
    // Whoever was told that there is no connection is not told of each attempt.
    if (!this.#attempts) this.#handlers.state("connecting");
    this.#startedAt = performance.now();
    const socket = new WebSocket(this.#address, this.#protocols);
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code);
    this.#hearWithin(this.#attempts ? READY_AGAIN_WITHIN : READY_WITHIN);
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
      if (repeat) keep(frame);
      this.#pending.set(id, { frame: full, repeat, resolve, reject });
      if (this.#isReady) this.#send(full);
    });
  }

  /** End the connection for good. */
  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#pingTimer);
    this.#stopWaiting();
    this.#isReady = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Send a frame that nobody answers; while offline it is dropped. */
  tell(frame) {
    if (this.#isReady) this.#send(frame);
  }

  /** Connect at once instead of later, or make sure that the connection still lives. */
  retryNow() {
    if (this.#isReady) this.#ping(DOUBTED_ANSWERS_WITHIN);
    else if (this.#socket !== null && performance.now() - this.#startedAt > OLD_ATTEMPT) this.#giveUp();
    if (!this.#isReady && this.#socket === null && this.#timer) this.connect();
  }

  #receive(data) {
    const frame = JSON.parse(data);
    this.#heard();
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
      case "conversation":
        this.#handlers.conversation?.(frame);
        break;
      case "presence":
        this.#handlers.present(frame);
        break;
      case "unshared":
        this.#handlers.unshared?.(frame);
        break;
      case "list_entry":
        this.#handlers.listed(frame.entry);
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
    if (request) drop(request.frame);
    return request;
  }

  #send(frame) {
    this.#socket.send(JSON.stringify(frame));
    if (frame.id) setTimeout(() => this.#doubt(frame.id), DOUBT_AFTER);
  }

  /** Ask whether the server is still there, when it owes an answer for too long. */
  #doubt(id) {
    if (!this.#isReady || this.#isDoubted || !this.#pending.has(id)) return;
    this.#isDoubted = true;
    this.#handlers.state("doubted");
    this.#ping(DOUBTED_ANSWERS_WITHIN);
  }

  #closed(code) {
    // A session that was good a moment ago may go on under another key: another tab changed the password.
    const isOver = code === SIGNED_OUT && !this.#isReady;
    this.#isReady = false;
    this.#socket = null;
    this.#isDoubted = false;
    clearTimeout(this.#pingTimer);
    this.#stopWaiting();
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
      const longest = document.hidden ? LONGEST_DELAY_UNSEEN : LONGEST_DELAY;
      const ceiling = Math.min(longest, FIRST_DELAY * 2 ** this.#attempts++);
      const delay = code === RATE_LIMITED ? LONGEST_DELAY_UNSEEN : ceiling * (0.5 + Math.random() / 2);
      this.#timer = setTimeout(() => this.connect(), delay);
    }
  }

  // A connection can be dead without a close: only a ping tells, after which nothing is heard.
  #ping(within) {
    this.#send({ type: "ping" });
    this.#hearWithin(within);
    this.#schedulePing();
  }

  #schedulePing() {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.#ping(ANSWER_WITHIN), PING_EVERY);
  }

  /** Take the connection for broken unless something comes within so many milliseconds; an earlier end stays. */
  #hearWithin(milliseconds) {
    const at = performance.now() + milliseconds;
    if (at > this.#deadlineAt) return;
    clearTimeout(this.#deadline);
    this.#deadlineAt = at;
    this.#deadline = setTimeout(() => this.#giveUp(), milliseconds);
  }

  #stopWaiting() {
    clearTimeout(this.#deadline);
    this.#deadlineAt = Infinity;
  }

  /** Something came: whatever it is, the connection lives. */
  #heard() {
    this.#stopWaiting();
    if (!this.#isDoubted) return;
    this.#isDoubted = false;
    this.#handlers.state("online");
  }

  #giveUp() {
    this.#socket.close();
    this.#closed(1006);
  }
}
