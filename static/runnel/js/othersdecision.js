// What takes the place of the decisions for somebody who only looks.

import { element } from "./dom.js";

export class OthersDecision {
  element = element("div", { hidden: true });
  words = "Waiting for a decision of the owner";
  until = [];
  announcement = `${this.words}.`;

  close() {
    this.element.remove();
  }
}
