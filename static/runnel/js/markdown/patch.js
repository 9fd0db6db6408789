// Brings elements in line with a tree. What is the same already stays: its selection, its place, its state.

import { element } from "../dom.js";
import { Code } from "./code.js";
import { Formula } from "./formula.js";

/** What each element was made from, and the widget that draws it, if one does. */
const made = new WeakMap();

function isSame(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

function create(node) {
  if (typeof node === "string") return new Text(node);
  if (node.widget) {
    const widget = node.widget === "code" ? new Code(node.language) : new Formula(node);
    widget.update(node);
    made.set(widget.element, { node, widget });
    return widget.element;
  }
  const created = element(node.tag, node.attributes);
  made.set(created, { node });
  patch(created, node.children);
  return created;
}

function isKept(old, node) {
  if (typeof node === "string") return old.nodeType === Node.TEXT_NODE;
  const from = made.get(old)?.node;
  if (!from) return false;
  if (node.widget === "code") return from.widget === "code" && from.language === node.language;
  if (node.widget) return from.widget === node.widget && isSame(from, node);
  return from.tag === node.tag && isSame(from.attributes, node.attributes);
}

function update(old, node) {
  if (typeof node === "string") {
    if (node.startsWith(old.data)) {
      if (node.length > old.data.length) old.appendData(node.slice(old.data.length));
    } else {
      old.data = node;
    }
    return;
  }
  const { widget } = made.get(old);
  if (widget) widget.update(node);
  else patch(old, node.children);
}

/** Return the widgets in an element, itself included. */
export function widgetsIn(parent) {
  const all = [parent, ...parent.querySelectorAll(".block, .formula")];
  return all.map((each) => made.get(each)?.widget).filter(Boolean);
}

/** Bring a node in line with a tree. Return the node that stands in its place then. */
function bring(old, node) {
  if (isKept(old, node)) {
    update(old, node);
    return old;
  }
  const created = create(node);
  old.replaceWith(created);
  return created;
}

/** Make the nodes in `parent`, from the one at `first` on, those that the trees describe. */
export function patch(parent, trees, first = 0) {
  for (const [index, node] of trees.entries()) {
    const old = parent.childNodes[first + index];
    if (old) bring(old, node);
    else parent.append(create(node));
  }
  while (parent.childNodes.length > first + trees.length) parent.lastChild.remove();
}

/** Bring nodes in line with as many trees, wherever they are. Return those that stand there then. */
export function patchNodes(nodes, trees) {
  return nodes.map((old, index) => bring(old, trees[index]));
}
