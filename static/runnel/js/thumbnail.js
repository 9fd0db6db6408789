// A small picture of a file that is on its way: of a picture what it shows, of any other its kind.

import { element } from "./dom.js";

/** Pixels of a side, for screens with two pixels to each. */
const SIDE = 88;

/** Pictures above this size, in bytes, are not drawn: decoding one takes long. */
const LARGEST = 30 * 1024 * 1024;

function kindOf({ name, type }) {
  const ending = /\.([a-z0-9]{1,5})$/i.exec(name)?.[1];
  return (ending ?? type.split("/").at(-1) ?? "file").slice(0, 5).toUpperCase();
}

async function draw(file, canvas) {
  const whole = await createImageBitmap(file);
  const side = Math.min(whole.width, whole.height);
  const [left, top] = [(whole.width - side) / 2, (whole.height - side) / 2];
  canvas.getContext("2d").drawImage(whole, left, top, side, side, 0, 0, SIDE, SIDE);
  whole.close();
}

/** Return what shows a file; a picture appears when it is decoded. */
export function thumbnail(file) {
  const holder = element("span", { class: "thumbnail", "aria-hidden": "true" }, kindOf(file));
  if (!file.type.startsWith("image/") || file.size > LARGEST) return holder;
  const canvas = element("canvas", { width: String(SIDE), height: String(SIDE) });
  draw(file, canvas)
    .then(() => holder.replaceChildren(canvas))
    .catch(() => {
      // What is called a picture and is none keeps its kind.
    });
  return holder;
}
