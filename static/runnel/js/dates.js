// Dates in the language that the user has chosen, else in the browser's. Reads it from the page once.

const chosen = globalThis.document?.documentElement?.dataset?.dates;

/**
 * Return a formatter of dates.
 * @param {Intl.DateTimeFormatOptions} options
 * @returns {Intl.DateTimeFormat}
 */
export function formatter(options) {
  try {
    return new Intl.DateTimeFormat(chosen || undefined, options);
  } catch {
    return new Intl.DateTimeFormat("en", options);
  }
}
