// What a person can do about themselves from anywhere on the page: approvals, usage, account, colours.

import { offer } from "./actions.js";
import { choosePreferences } from "./api.js";

/** The pages around, by their names; one to which the page has no link is not this user's. */
const PAGES = [
  ["Approvals", "/approvals/", "inbox waiting decide standing decisions allow deny"],
  ["Usage", "/usage/", "tokens cost money"],
  ["Account", "/account/", "password sessions language dates theme sign out"],
  ["API tokens", "/tokens/", "programs keys"],
  ["Providers", "/providers/", "key models set up"],
];

const THEMES = [
  ["Dark colours", "dark", "theme night"],
  ["Light colours", "light", "theme day"],
  ["Colours as the system is set", "", "theme automatic"],
];

/** Show the page in the colours of a theme. */
function show(theme) {
  const root = document.documentElement;
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.querySelector("meta[name=color-scheme]")?.setAttribute("content", theme || "light dark");
}

/**
 * Offer these pages and themes among the page's actions.
 * @param {{report: (error: object) => void, maySetUp: boolean}} options  who is told of errors; whether the user sets up providers
 */
export function offerPeople({ report, maySetUp }) {
  const group = "Account";
  const pages = PAGES.filter(([title]) => title !== "Providers" || maySetUp);
  offer(pages.map(([title, address, also]) => ({ title, group, also, run: () => location.assign(address) })));
  offer(
    THEMES.map(([title, theme, also]) => ({
      title,
      group,
      also,
      isOffered: () => (document.documentElement.dataset.theme ?? "") !== theme,
      run: () => choosePreferences({ theme }).then(() => show(theme), report),
    })),
  );
}
