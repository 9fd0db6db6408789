// Where runs stand on the page. Knows their elements and views, not where they come from.

/** Put elements into a list in their order, behind the element `last`; at its beginning without one. */
export function putInOrder(list, order, last) {
  const shown = [...list.children].filter((child) => order.includes(child));
  if (order.every((child, index) => child === shown[index])) return;
  if (last) last.after(...order);
  else list.prepend(...order);
}

/** Hide what comes after the message `id`, null for the beginning: another version of it was asked for. */
export function cutAfter(views, id) {
  const at = views.findIndex((view) => view.has(id));
  if (id !== null && at < 0) return;
  for (const { element } of views.slice(at + 1)) element.classList.add("leaving");
  if (at >= 0 && views[at].lastMessage !== id) views[at].element.classList.add("leaving-answer");
}

/** Show again what was hidden. */
export function showAgain(list) {
  for (const child of list.children) child.classList.remove("leaving", "leaving-answer");
}
