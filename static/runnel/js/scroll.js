// Keeps the newest words in sight while the reader is at the end, and leaves alone one who is not.

const CLOSE_ENOUGH = 48;

/**
 * Follow the growth of `content` inside the scrolling `frame`; `jump` is a button that leads back.
 * Return a function that goes to the end at once.
 */
export function stickToEnd(frame, content, jump) {
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
  const observer = new ResizeObserver(() => isStuck && toEnd());
  observer.observe(content);
  observer.observe(frame);
  jump.addEventListener("click", toEnd);
  return toEnd;
}
