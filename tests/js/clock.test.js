import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { place } from "./page.js";

const { startClock, stopClock } = await import("../../static/runnel/js/clock.js");
const { Reasoning } = await import("../../static/runnel/js/reasoning.js");

class Shown {
  textContent = "";
}

/** Let time pass as the test says, for `performance.now` as well. */
function timers(t) {
  let now = 50_000;
  t.mock.method(performance, "now", () => now);
  t.mock.timers.enable({ apis: ["setInterval"] });
  return (seconds) => {
    for (let left = seconds; left > 0; left -= 1) {
      now += 1000;
      t.mock.timers.tick(1000);
    }
  };
}

describe("a clock", () => {
  it("counts in whole seconds until it is stopped", (t) => {
    const pass = timers(t);
    const [one, other] = [new Shown(), new Shown()];
    startClock(one);
    assert.equal(one.textContent, "");
    pass(2);
    startClock(other, performance.now() - 64_000);
    assert.deepEqual([one.textContent, other.textContent], ["2\u00a0s", "1\u00a0min 4\u00a0s"]);
    stopClock(one);
    pass(3);
    assert.deepEqual([one.textContent, other.textContent], ["2\u00a0s", "1\u00a0min 7\u00a0s"]);
    stopClock(other);
    pass(1);
    assert.equal(other.textContent, "1\u00a0min 7\u00a0s");
  });
});

describe("what is thought", () => {
  it("counts while it goes on, and tells what is stored in the end", (t) => {
    const pass = timers(t);
    const holder = place();
    const reasoning = new Reasoning({ isTimed: true });
    holder.append(reasoning.element);
    pass(3);
    assert.equal(holder.textContent, "Thinking… 3\u00a0s");
    reasoning.seconds = 3.4;
    reasoning.end();
    assert.equal(holder.textContent, "Reasoning 3.4\u00a0s");
    assert.equal(reasoning.element.open, false);
    pass(1);
    assert.equal(holder.textContent, "Reasoning 3.4\u00a0s");
  });

  it("counts nothing that began before anybody looked", (t) => {
    const pass = timers(t);
    const reasoning = new Reasoning({ isTimed: false });
    pass(3);
    reasoning.end();
    assert.equal(reasoning.element.textContent, "Reasoning");
  });
});
