// Where a link leads, and what of that a reader is told. Pure.

/** Schemes that a link of a model may have. */
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

function hostIn(text) {
  return text.trim().replace(/^https?:\/\//i, "").split(/[/?#]/, 1)[0].toLowerCase();
}

/** Return a part of an address as a reader writes it; as it is, where its escapes are no UTF-8. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Return what a link becomes: its address, and who is behind it unless its text says so; null for what is no
 * address of the web. An address without a host would be one of our own.
 * @param {string} address
 * @param {string} text  what the reader sees
 */
export function linkTo(address, text) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !SCHEMES.has(url.protocol)) return null;
  const host = url.protocol === "mailto:" ? decoded(url.pathname) : url.host;
  return { href: url.href, host: hostIn(text) === host.toLowerCase() ? "" : host };
}

/** Return the attributes of the element for a link from `linkTo`: it opens in a tab that knows nothing of this one. */
export function attributesOf({ href, host }, title) {
  const attributes = { href, target: "_blank", rel: "noopener noreferrer", title: title || href };
  return host ? { ...attributes, "data-host": host } : attributes;
}
