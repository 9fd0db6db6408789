// What is written and not sent: kept in this tab for each conversation, also when the page is loaded again.

function keyOf(id) {
  return `runnel.draft.${id}`;
}

export class Drafts {
  #field;
  #id;

  /** @param {HTMLTextAreaElement} field @param {string} id  of the conversation that is written to, "" for a new one */
  constructor(field, id) {
    this.#field = field;
    this.#id = id;
    field.value ||= sessionStorage.getItem(keyOf(id)) ?? "";
  }

  /** The id of the conversation that is written to, "" for a new one. */
  get id() {
    return this.#id;
  }

  /** Go on under another id: the conversation has begun, or it is gone. */
  rename(id) {
    sessionStorage.removeItem(keyOf(this.#id));
    this.#id = id;
  }

  /** Show what was written to another conversation. */
  open(id) {
    this.#id = id;
    this.#field.value = sessionStorage.getItem(keyOf(id)) ?? "";
  }

  /** Keep what is in the field now. */
  keep() {
    if (this.#field.value) sessionStorage.setItem(keyOf(this.#id), this.#field.value);
    else sessionStorage.removeItem(keyOf(this.#id));
  }

  /** Forget a text that was sent to a conversation which is not on the page any more. */
  sent(id, text) {
    if (sessionStorage.getItem(keyOf(id)) === text) sessionStorage.removeItem(keyOf(id));
  }
}
