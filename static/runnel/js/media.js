// How a file that was shown to the model looks in a conversation.

import { element } from "./dom.js";
import { shown } from "./hidden.js";

/** Where the page's own files are read; somebody with a share link reads them elsewhere. */
const FILES = "/api/files/";
let files = FILES;

/** Read files below another address from now on. */
export function readFilesBelow(address) {
  files = address;
}

function addressOf(url) {
  return url.startsWith(FILES) ? files + url.slice(FILES.length) : url;
}

/** Return what an AG-UI part (of an event) names, in the terms of a stored part. */
export function fromEvent({ type, source, metadata }) {
  const name = typeof metadata?.name === "string" ? metadata.name : undefined;
  return {
    medium: type,
    name,
    mime_type: source.mimeType ?? "",
    file: source.type === "file" ? source.value : undefined,
    data: source.type === "data" ? source.value : undefined,
    url: source.type === "url" ? source.value : undefined,
  };
}

/** Return the AG-UI part that names what a stored part does, to be sent again. */
export function toEvent({ medium, mime_type: mimeType, name, file, data, url }) {
  const [type, value] = file ? ["file", file] : data ? ["data", data] : ["url", url];
  return { type: medium, source: { type, value, ...(mimeType && { mimeType }) }, ...(name && { metadata: { name } }) };
}

/** Return what was made, with a link that fetches it. */
function withDownload(made, url, name) {
  const link = element("a", { href: url, download: name || true, class: "download" }, "Download");
  return element("figure", { class: "made" }, made, element("figcaption", {}, link));
}

/** Return the element for a file that a model or a tool has made: `{url, mime_type, name}`. */
export function fileElement({ url: told, mime_type: mimeType, name }) {
  const url = addressOf(told);
  const [family] = mimeType.split("/");
  if (family === "image") {
    const picture = element("img", { class: "shown", src: url, alt: name });
    const made = withDownload(element("a", { href: url }, picture), url, name);
    // What cannot be shown, although it is called a picture, can still be fetched.
    picture.addEventListener("error", () => picture.replaceWith(element("span", { class: "chip" }, shown(name || url))));
    return made;
  }
  // Samples without a header are sent with one: no browser plays them else.
  const address = /^audio\/(l16|pcm)/i.test(mimeType) ? `${url}?as=wav` : url;
  if (family === "audio") return withDownload(element("audio", { controls: true, src: address }), url, name);
  if (family === "video") return withDownload(element("video", { controls: true, src: url }), url, name);
  return element("a", { class: "chip", href: url }, shown(name));
}

/** Return the element for a stored part. Nothing is ever loaded from elsewhere. */
export function mediaElement({ medium, mime_type: mimeType, name, file, data, url }) {
  const label = shown(name || url || medium);
  const address = file ? `${files}${file}/` : data && `data:${mimeType};base64,${data}`;
  if (mimeType.startsWith("image/") && address) {
    return element("img", { class: "shown", src: address, alt: label });
  }
  if (file) return element("a", { class: "chip", href: address }, label);
  return element("span", { class: "chip" }, label);
}
