// Who looks at a shared conversation now, in one line.

import { byId } from "./dom.js";
import { shown } from "./hidden.js";

/** Names that are told at most; the rest is a number. */
const MOST = 5;

/**
 * Return who is there in words, "" if nobody else is.
 * @param {{name: string, kind: string, count?: number}[]} people
 * @param {string} me  the name of who reads this, "" for somebody with a link
 */
export function presenceWords(people, me) {
  const names = people.filter(({ kind, name }) => kind !== "guest" && name !== me).map(({ name }) => shown(name));
  const all = people.find(({ kind }) => kind === "guest")?.count ?? 0;
  const guests = me ? all : all - 1;
  const told = names.slice(0, MOST);
  const others = names.length - told.length;
  if (others > 0) told.push(`${others} more`);
  if (guests > 0) told.push(guests === 1 ? "1 guest" : `${guests} guests`);
  if (!told.length) return "";
  const last = told.pop();
  const list = told.length ? `${told.join(", ")} and ${last}` : last;
  const isOne = told.length === 0 && (names.length === 1 || guests === 1);
  return `${list} ${isOne ? "looks" : "look"} at this too.`;
}

/** Show who is there. */
export function showPresence(people, me) {
  byId("presence").textContent = presenceWords(people, me);
}
