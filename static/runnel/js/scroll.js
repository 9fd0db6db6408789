// Keeps the newest words in sight while the reader is at the end, and leaves alone one who is not.

const CLOSE_ENOUGH = 48;

/** Pixels from the beginning at which more is loaded before it. */
const NEAR = 800;

/** How much of what is seen a key moves on by. */
const PAGE = 0.9;

/** Move through what scrolls in `frame` by the keys for pages, also from the `field` that one writes in. */
export function scrollByKeys(frame, field) {
  field.addEventListener("keydown", ({ key, ctrlKey, shiftKey, altKey }) => {
    // A long text has pages of its own.
    if (ctrlKey || shiftKey || altKey || field.scrollHeight > field.clientHeight + 1) return;
    if (key === "PageUp" || key === "PageDown") {
      frame.scrollBy({ top: (key === "PageUp" ? -PAGE : PAGE) * frame.clientHeight });
    } else if (!field.value && (key === "Home" || key === "End")) {
      frame.scrollTo({ top: key === "Home" ? 0 : frame.scrollHeight });
    }
  });
}

/**
 * Follow the growth of what is inside the scrolling `frame`; `jump` is a button that leads back. What `isGrowing` says
 * is not growing is read from its beginning. Return a function that goes to the end at once.
 */
export function stickToEnd(frame, jump, isGrowing = () => true) {
  let isStuck = true;
  let last = 0;

  const toEnd = () => {
    isStuck = true;
    jump.hidden = true;
    frame.scrollTop = frame.scrollHeight;
    last = frame.scrollTop;
  };

  frame.addEventListener(
    "scroll",
    () => {
      const distance = frame.scrollHeight - frame.clientHeight - frame.scrollTop;
      // Content that grew puts the end further away too; only a reader goes up.
      if (frame.scrollTop < last) isStuck = distance < 1;
      else if (distance < CLOSE_ENOUGH) isStuck = true;
      last = frame.scrollTop;
      jump.hidden = isStuck;
    },
    { passive: true },
  );
  const observer = new ResizeObserver(() => isStuck && isGrowing() && toEnd());
  for (const part of frame.children) observer.observe(part);
  observer.observe(frame);
  jump.addEventListener("click", toEnd);
  return toEnd;
}

/**
 * Call `load`, which tells whether it has added something at the beginning, while the reader is near there.
 * Return a function that looks whether that is so now.
 */
export function loadTowardsBeginning(frame, load) {
  const look = async () => {
    while (frame.scrollTop < NEAR && (await load()));
  };
  frame.addEventListener("scroll", look, { passive: true });
  return look;
}

/** Let `change` add something before `element`, which stays where it is in the reader's sight. */
export function keepInSight(frame, element, change) {
  const top = element?.getBoundingClientRect().top;
  change();
  if (element) frame.scrollTop += element.getBoundingClientRect().top - top;
}
