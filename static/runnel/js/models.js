// What there is to choose from, found by a few letters; and what is wrong with a name that was typed. Pure.

/**
 * @typedef {{name: string, title: string, provider: string, is_suggested: boolean, context_window: number | null,
 *   input_price: number | null, output_price: number | null, price_is_guess: boolean, abilities: string[]}} Model
 * @typedef {{slug: string, label: string, available: boolean, settings: string[], is_complete: boolean}} Provider
 * @typedef {{models: Model[], providers: Provider[], favourites: string[], recent: string[], default: string}} Catalog
 */

/** What a model can, in words; the keys are the server's `Ability`. */
export const ABILITIES = {
  images: "reads pictures",
  documents: "reads documents",
  audio: "listens",
  thinking: "thinks first",
  tools: "calls tools",
};

/** Models that are shown at most: who sees so many types another letter. */
const MOST = 100;

/** Letters that may be wrong in a name for it to be meant. */
const MOST_WRONG = 3;

const PRICE = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 3 });

/** Return a number of tokens as one says it: 200K, 1M. */
export function tokens(count) {
  if (count >= 1e6) return `${Number((count / 1e6).toFixed(1))}M`;
  return count >= 1000 ? `${Math.round(count / 1000)}K` : String(count);
}

/** Return what a model costs for a million tokens in and out; "" if nobody knows. */
export function price({ input_price: input, output_price: output, price_is_guess: isGuess }) {
  if (input == null || output == null) return "";
  if (input === 0 && output === 0) return "free";
  return `${isGuess ? "≈\u00a0" : ""}${PRICE.format(input)} / ${PRICE.format(output)}`;
}

/** Return what is known of a model, in phrases. */
export function facts(model) {
  const phrases = [];
  if (model.context_window) phrases.push(`${tokens(model.context_window)} context`);
  if (price(model)) phrases.push(price(model));
  return [...phrases, ...model.abilities.map((ability) => ABILITIES[ability] ?? ability)];
}

function matches({ name, title }, label, words) {
  const text = `${name} ${title} ${label}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/**
 * Return what is shown for the typed words, in groups `{title, models}`: without words the favourites, the recent
 * ones and what each provider suggests; else all that match, those that begin so first.
 * @param {Catalog} catalog
 * @param {string} typed
 */
export function groupsFor({ models, providers, favourites, recent }, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const labels = new Map(providers.map(({ slug, label }) => [slug, label]));
  const known = new Map(models.map((model) => [model.name, model]));
  const found = models.filter((model) => {
    return words.length ? matches(model, labels.get(model.provider) ?? "", words) : model.is_suggested;
  });
  const isFound = new Set(found);
  const named = (names) => names.map((name) => known.get(name)).filter((model) => model && (!words.length || isFound.has(model)));
  const first = named(favourites);
  const second = named(recent).filter((model) => !first.includes(model));
  const rest = found.filter((model) => !first.includes(model) && !second.includes(model)).slice(0, MOST);
  const groups = [...new Set(rest.map(({ provider }) => provider))].map((slug) => {
    return { title: labels.get(slug) ?? slug, models: rest.filter(({ provider }) => provider === slug) };
  });
  const own = [{ title: "Favourites", models: first }, { title: "Recent", models: second }];
  return [...own, ...groups].filter(({ models: { length } }) => length);
}

/** Return how many letters must change to make one word of another; at most `limit` are told apart. */
function distance(one, other, limit) {
  if (Math.abs(one.length - other.length) > limit) return limit + 1;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(one[i - 1] !== other[j - 1]));
    }
    row = next;
  }
  return row[other.length];
}

/** Return the names that are most like a typed one, up to three; those that hold it count as like it. */
export function nearest(typed, names) {
  const wanted = typed.toLowerCase();
  const scored = names.map((name) => {
    const each = name.toLowerCase();
    const isPart = wanted.length > 2 && (each.includes(wanted) || wanted.includes(each));
    return { name, score: isPart ? 0.5 : distance(wanted, each, MOST_WRONG) };
  });
  const near = scored.filter(({ score }) => score <= Math.min(MOST_WRONG, wanted.length / 2));
  return near.sort((one, other) => one.score - other.score).slice(0, 3).map(({ name }) => name);
}

function didYouMean(names) {
  return names.length ? ` Did you mean ${names.join(" or ")}?` : "";
}

/**
 * Return what is wrong with a model's name: a sentence, and whether that is certain or only likely; null if nothing is.
 * @param {Catalog} catalog
 * @param {string} name  as `modelName` returns it
 * @returns {{sentence: string, isCertain: boolean} | null}
 */
export function problemWith({ models, providers }, name) {
  const [slug, ...rest] = name.split("/");
  const model = rest.join("/");
  if (!slug || !model) {
    const near = models.filter((each) => each.name.toLowerCase().includes(name.toLowerCase())).map((each) => each.name);
    return { sentence: `A model is written as provider/name.${didYouMean(near.slice(0, 3))}`, isCertain: true };
  }
  const provider = providers.find((each) => each.slug === slug);
  if (!provider) {
    const near = nearest(slug, providers.filter(({ available }) => available).map((each) => each.slug));
    return { sentence: `There is no provider “${slug}” here.${didYouMean(near)}`, isCertain: true };
  }
  if (!provider.available) {
    const needs = provider.settings.length ? ` It needs ${provider.settings.join(" and ")}.` : "";
    return { sentence: `${provider.label} is not set up here.${needs} An admin can enter its key under Providers.`, isCertain: true };
  }
  const own = models.filter((each) => each.provider === slug);
  const isKnown = provider.is_complete || own.some((each) => !each.is_suggested);
  if (!isKnown || own.some((each) => each.name === name)) return null;
  const near = nearest(model, own.map((each) => each.name.slice(slug.length + 1)));
  return { sentence: `${provider.label} lists no model “${model}”.${didYouMean(near)}`, isCertain: false };
}
