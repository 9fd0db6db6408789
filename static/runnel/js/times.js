// Shows the times of a page that the server has made in the reader's language and time zone.

import { formatter } from "./dates.js";

const DATE = formatter({ dateStyle: "medium" });
const MOMENT = formatter({ dateStyle: "medium", timeStyle: "short" });

for (const each of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(/** @type {HTMLTimeElement} */ (each).dateTime);
  if (Number.isNaN(moment.getTime())) continue;
  each.textContent = (each.textContent.includes(":") ? MOMENT : DATE).format(moment);
}
