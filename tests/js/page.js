// As much of a browser's document as the modules that make elements need, so that Node.js can run them.

class FakeNode {
  parentNode = null;

  get isConnected() {
    return this.parentNode !== null;
  }

  remove() {
    const { parentNode } = this;
    if (!parentNode) return;
    parentNode.childNodes.splice(parentNode.childNodes.indexOf(this), 1);
    this.parentNode = null;
  }

  replaceWith(other) {
    const { parentNode } = this;
    const index = parentNode.childNodes.indexOf(this);
    parentNode.childNodes[index] = other;
    other.parentNode = parentNode;
    this.parentNode = null;
  }
}

class FakeText extends FakeNode {
  nodeType = 3;

  constructor(data = "") {
    super();
    this.data = data;
  }

  appendData(more) {
    this.data += more;
  }

  get outline() {
    return JSON.stringify(this.data);
  }

  get textContent() {
    return this.data;
  }
}

class FakeElement extends FakeNode {
  nodeType = 1;
  childNodes = [];
  attributes = {};
  style = {};
  dataset = {};
  classList = { toggle: () => true };

  constructor(tag) {
    super();
    this.tagName = tag;
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  addEventListener() {}

  append(...nodes) {
    for (const each of nodes) {
      const node = typeof each === "string" ? new FakeText(each) : each;
      node.remove();
      node.parentNode = this;
      this.childNodes.push(node);
    }
  }

  replaceChildren(...nodes) {
    for (const child of [...this.childNodes]) child.remove();
    this.append(...nodes);
  }

  get lastChild() {
    return this.childNodes.at(-1) ?? null;
  }

  get lastElementChild() {
    return this.childNodes.findLast(({ nodeType }) => nodeType === 1) ?? null;
  }

  /** Finds elements by one of the classes in `.one, .other`. */
  querySelectorAll(selector) {
    const classes = selector.split(", ").map((each) => each.slice(1));
    const found = [];
    for (const child of this.childNodes) {
      if (child.nodeType !== 1) continue;
      if (classes.some((name) => child.attributes.class?.split(" ").includes(name))) found.push(child);
      found.push(...child.querySelectorAll(selector));
    }
    return found;
  }

  get textContent() {
    return this.childNodes.map(({ textContent }) => textContent).join("");
  }

  set textContent(text) {
    this.replaceChildren(...(text ? [text] : []));
  }

  /** All that is in it, in one text: equal for equal elements. Texts beside each other are one. */
  get outline() {
    const attributes = Object.entries(this.attributes).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    const style = Object.keys(this.style).length ? ` style=${JSON.stringify(this.style)}` : "";
    const children = this.childNodes.map(({ outline }) => outline).join("");
    return `<${this.tagName}${attributes.join("")}${style}>${children}</>`;
  }
}

Object.assign(globalThis, {
  document: { createElement: (tag) => new FakeElement(tag), body: new FakeElement("body"), head: new FakeElement("head"), compatMode: "CSS1Compat" },
  Node: { TEXT_NODE: 3 },
  Text: FakeText,
  // Who streams paints by itself.
  requestAnimationFrame: () => 0,
  cancelAnimationFrame() {},
});

/** Return a new element of the fake document. */
export function place() {
  return new FakeElement("div");
}
