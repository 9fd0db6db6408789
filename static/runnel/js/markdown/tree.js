// Turns Markdown's tokens into a tree of what is to be shown: a plan of elements, that holds no HTML. Pure.
//
// A node is a string or `{tag, attributes, children}`, or `{widget, …}` for what `widgets.js` makes.

import { attributesOf, linkTo } from "./links.js";

const TASK = /^\[([ xX])\]\s/;

/** Levels of headings above those of an answer: the page's title, and the question. */
const ABOVE = 2;

const PLAIN = {
  paragraph_open: "p",
  blockquote_open: "blockquote",
  bullet_list_open: "ul",
  ordered_list_open: "ol",
  list_item_open: "li",
  thead_open: "thead",
  tbody_open: "tbody",
  tr_open: "tr",
  em_open: "em",
  strong_open: "strong",
  s_open: "s",
};

function node(tag, attributes = {}, children = []) {
  return { tag, attributes, children };
}

/** Add a node to others. Words beside words become one. */
function add(children, made) {
  if (made === "") return;
  if (typeof made === "string" && typeof children.at(-1) === "string") children.push(children.pop() + made);
  else children.push(made);
}

/** Return the text in a tree, as a reader sees it. */
function textOf(children) {
  return children.map((child) => (typeof child === "string" ? child : textOf(child.children ?? []))).join("");
}

function link(token, children) {
  const address = token.attrGet("href");
  const found = linkTo(address, textOf(children));
  if (!found) return node("span", { class: "dead", title: address }, children);
  return node("a", attributesOf(found, token.attrGet("title")), children);
}

/** Return what stands for a picture: a link to it. Nothing is ever loaded from elsewhere. */
function picture(token, isLinked) {
  const address = token.attrGet("src");
  const words = token.content || "Picture";
  const found = isLinked ? null : linkTo(address, "");
  if (!found) return node("span", { class: "picture", title: address }, [words]);
  return node("a", { class: "picture", ...attributesOf(found, token.attrGet("title")) }, [words]);
}

/** Return the number of a source; `mark` tells in place of which words it stands. */
function mark({ number, words, link: source }) {
  const title = source?.title ?? "";
  const shown = `[${number}]`;
  const target = source?.href ? linkTo(source.href, "") : null;
  const child = target ? node("a", { ...attributesOf({ ...target, host: "" }, title) }, [shown]) : node("span", { title }, [shown]);
  return { ...node("sup", { class: "cite" }, [child]), mark: words };
}

function leaf(token, isLinked) {
  switch (token.type) {
    case "softbreak":
      return "\n";
    case "hardbreak":
      return node("br");
    case "code_inline":
      return node("code", {}, [token.content]);
    case "formula":
      return { widget: "formula", source: token.content, isBlock: /^(\$\$|\\\[)$/.test(token.markup) };
    case "mark":
      return mark(token.meta);
    case "image":
      return picture(token, isLinked);
    default:
      return token.content;
  }
}

function inline(tokens) {
  const root = [];
  const open = [{ children: root, token: null }];
  let links = 0;
  for (const token of tokens) {
    const { children } = open.at(-1);
    if (token.nesting > 0) {
      if (token.type === "link_open") links += 1;
      open.push({ children: [], token });
    } else if (token.nesting < 0) {
      const { token: opener } = open.pop();
      const isLink = opener.type === "link_open";
      if (isLink) links -= 1;
      add(open.at(-1).children, isLink ? link(opener, children) : node(PLAIN[opener.type], {}, children));
    } else {
      add(children, leaf(token, links > 0));
    }
  }
  return root;
}

function cell(token) {
  const [, side] = /text-align:(\w+)/.exec(token.attrGet("style") ?? "") ?? [];
  return node(token.tag, side ? { class: side } : {});
}

function heading(token, outline) {
  const level = Number(token.tag[1]);
  // None is left out on the way down: who jumps from heading to heading would look for it.
  outline.level = Math.min(level + ABOVE, outline.level + 1, 6);
  return node(`h${outline.level}`, { "data-level": String(level) });
}

function opened(token, outline) {
  switch (token.type) {
    case "heading_open":
      return heading(token, outline);
    case "th_open":
    case "td_open":
      return cell(token);
    case "table_open":
      return node("table");
    case "ordered_list_open": {
      const start = token.attrGet("start");
      return node("ol", start == null ? {} : { start: String(start) });
    }
    default:
      return node(PLAIN[token.type]);
  }
}

function block(token) {
  switch (token.type) {
    case "hr":
      return node("hr");
    case "formula":
      return { widget: "formula", source: token.content, isBlock: true };
    default:
      return { widget: "code", text: token.content, language: token.info.trim().split(/\s/, 1)[0] };
  }
}

/** Make an item of a list one of tasks, if it begins with a box. */
function tick(item, children) {
  const [first] = children;
  const box = typeof first === "string" && TASK.exec(first);
  if (!box) return children;
  const isDone = box[1] !== " ";
  item.attributes.class = "task";
  const input = { type: "checkbox", disabled: true, checked: isDone, "aria-label": isDone ? "Done" : "Not done" };
  return [node("input", input), ` ${first.slice(box[0].length)}`, ...children.slice(1)];
}

function isFirstIn(item, open) {
  const parent = open.at(-1);
  return parent === item ? parent.children.length === 0 : open.at(-2) === item && item.children.length === 0;
}

/**
 * Return the trees of the blocks at the top of `tokens`.
 * @param {any[]} tokens
 * @param {{level: number}} outline  the level of the last heading before them; that of their last is put there
 * @returns {any[]}
 */
export function treeOf(tokens, outline = { level: ABOVE }) {
  const root = node("root");
  const open = [root];
  for (const token of tokens) {
    if (token.hidden) continue;
    if (token.type === "inline") {
      const item = open.findLast(({ tag }) => tag === "li");
      const made = inline(token.children);
      const shown = item && isFirstIn(item, open) ? tick(item, made) : made;
      for (const child of shown) add(open.at(-1).children, child);
    } else if (token.nesting > 0) {
      open.push(opened(token, outline));
    } else if (token.nesting < 0) {
      const made = open.pop();
      const scrolls = { class: "table", tabindex: "0", role: "group", "aria-label": "Table" };
      add(open.at(-1).children, made.tag === "table" ? node("div", scrolls, [made]) : made);
    } else {
      add(open.at(-1).children, block(token));
    }
  }
  return root.children;
}
