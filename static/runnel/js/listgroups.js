// In which group of the list a conversation stands: pinned, a folder, or when it was last used. Pure.

const DAY = 24 * 60 * 60 * 1000;
const MONTH = new Intl.DateTimeFormat("en", { month: "long", year: "numeric" });

/** Return the milliseconds at which an entry was last used. */
export function ageOf({ updated_at: moment }) {
  return new Date(moment).getTime();
}

/** Return when an entry was last used in words, seen from `now`: "Today", "Previous 7 days", "March 2026". */
export function period(entry, now) {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const at = ageOf(entry);
  if (at >= midnight) return "Today";
  // A day has 23 or 25 hours where clocks are changed.
  if (at >= new Date(midnight - DAY / 2).setHours(0, 0, 0, 0)) return "Yesterday";
  if (at >= midnight - 7 * DAY) return "Previous 7 days";
  if (at >= midnight - 30 * DAY) return "Previous 30 days";
  return MONTH.format(at);
}

/**
 * Return the groups that are not empty, in their order: pinned ones, folders by their letters, then by age.
 * @param {any[]} entries  what the list holds
 * @param {string[]} folders  names of folders, also of empty ones
 * @param {number} now  milliseconds
 * @returns {{key: string, title: string, isFolder: boolean, entries: any[]}[]}
 */
export function groupsOf(entries, folders, now) {
  const newestFirst = entries.toSorted((one, other) => ageOf(other) - ageOf(one));
  const groups = new Map();
  const add = (key, title, isFolder, ...some) => {
    if (!groups.has(key)) groups.set(key, { key, title, isFolder, entries: [] });
    groups.get(key).entries.push(...some);
  };
  add("pinned", "Pinned", false, ...newestFirst.filter(({ pinned }) => pinned));
  const others = newestFirst.filter(({ pinned, shared_by: owner }) => !pinned && !owner);
  const names = new Set([...folders, ...others.map(({ folder }) => folder)].filter(Boolean));
  for (const name of [...names].sort((one, other) => one.localeCompare(other, "en"))) {
    add(`folder ${name}`, name, true, ...others.filter(({ folder }) => folder === name));
  }
  for (const entry of others) if (!entry.folder) add(period(entry, now), period(entry, now), false, entry);
  add("shared", "Shared with me", false, ...newestFirst.filter(({ shared_by: owner }) => owner));
  return [...groups.values()].filter(({ isFolder, entries: members }) => isFolder || members.length);
}
