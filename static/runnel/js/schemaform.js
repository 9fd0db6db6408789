// A form for a tool's arguments, made from its JSON Schema, beside the same arguments as JSON.
//
// The schema is a stranger's: its words are only ever text, and what it does not tell plainly is edited as JSON.
// A field that nobody has touched keeps its value.

import { element } from "./dom.js";
import { exact, shown } from "./hidden.js";
import { pretty, problemOf } from "./json.js";

/** Fields, choices of one field, and characters of a description that a form has at most. */
const MOST_FIELDS = 40;
const MOST_CHOICES = 100;
const LONGEST_WORDS = 400;

/** How a type of JSON Schema is edited, and what such a value is to JavaScript. */
const KINDS = new Map([
  ["string", ["text", "string"]],
  ["number", ["number", "number"]],
  ["integer", ["integer", "number"]],
  ["boolean", ["switch", "boolean"]],
]);

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?\d+$/;

let forms = 0;

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return the one schema that is not "null" among alternatives, and whether "null" is one: `[schema, isNullable]`. */
function withoutNull(schema) {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(alternatives)) {
    const others = alternatives.filter((each) => isObject(each) && each.type !== "null");
    return others.length === 1 && others.length < alternatives.length ? [others[0], true] : [schema, false];
  }
  if (Array.isArray(schema.type)) {
    const others = schema.type.filter((each) => each !== "null");
    return others.length === 1 ? [{ ...schema, type: others[0] }, others.length < schema.type.length] : [schema, false];
  }
  return [schema, false];
}

/** Return whether a text has what no field shows or keeps as it is; as JSON it is an escape. */
function hasHidden(text) {
  const json = JSON.stringify(text);
  return exact(json) !== json || /[\0-\x08\x0b-\x1f]/.test(text);
}

/** Return how a value is edited: "choice", "text", "number", "integer", "switch" or, for all else, "json". */
export function kindOf(schema, value) {
  const isSimple = value === undefined || value === null || typeof value !== "object";
  if (!isSimple || (typeof value === "string" && hasHidden(value))) return "json";
  const { enum: choices, type } = schema;
  const isChoice = Array.isArray(choices) && choices.length > 0 && choices.length <= MOST_CHOICES;
  if (isChoice && choices.every((each) => typeof each === "string" && each.length <= LONGEST_WORDS)) return "choice";
  const [kind, fits] = KINDS.get(type) ?? [];
  return kind && (value === undefined || value === null || typeof value === fits) ? kind : "json";
}

function option(value, label, isChosen) {
  return element("option", { value, selected: isChosen }, label);
}

/** One argument. */
class Field {
  #original;
  #isTouched = false;
  #kind;
  #control;
  #given = null;
  #isNullable;

  /**
   * @param {string} name
   * @param {any} schema  of the argument, as the tool tells it
   * @param {{value: any, text: string | undefined, isRequired: boolean, id: string, changed: () => void}} options
   *   `value` and its JSON `text` as the arguments have them, both undefined if they have none
   */
  constructor(name, schema, { value, text, isRequired, id, changed }) {
    this.name = name;
    this.#original = text;
    const [plain, isNullable] = withoutNull(isObject(schema) ? schema : {});
    this.#isNullable = isNullable;
    this.#kind = kindOf(plain, value);
    this.#control = this.#makeControl(plain, value);
    Object.assign(this.#control, { id });
    const touched = () => {
      this.#isTouched = true;
      this.#control.disabled = this.#given !== null && !this.#given.checked;
      changed();
    };
    this.#control.addEventListener("input", touched);
    const label = element("label", { for: id }, shown(name));
    this.element = element("div", { class: "field" }, element("div", { class: "name" }, label), this.#control);
    const words = typeof plain.description === "string" ? plain.description : schema?.description;
    if (typeof words === "string" && words) {
      const cut = words.slice(0, LONGEST_WORDS).toWellFormed();
      this.element.append(element("p", { class: "helptext", id: `${id}-about` }, element("bdi", {}, shown(cut))));
      this.#control.setAttribute("aria-describedby", `${id}-about`);
    }
    if (isRequired && !isNullable) label.append(" ", element("span", { class: "needed" }, "needed"));
    else this.#addGiven(value !== undefined && value !== null, touched);
  }

  focus() {
    const first = this.#control.disabled ? this.#given : this.#control;
    first.focus();
  }

  get isDisabled() {
    return this.#control.disabled;
  }

  /** The argument as JSON text; undefined if it is left out. */
  get text() {
    if (!this.#isTouched) return this.#original;
    if (this.#given && !this.#given.checked) {
      return this.#isNullable && this.#original === "null" ? "null" : undefined;
    }
    const { value } = this.#control;
    if (this.#kind === "text" || this.#kind === "choice") return JSON.stringify(value);
    return value.trim();
  }

  /** What is wrong with it, in a sentence, or "". */
  get problem() {
    const { text } = this;
    if (!this.#isTouched || text === undefined) return "";
    if (this.#kind === "number" && !NUMBER.test(text)) return `${shown(this.name)} is a number, such as 2.5.`;
    if (this.#kind === "integer" && !INTEGER.test(text)) return `${shown(this.name)} is a whole number, such as 3.`;
    if (this.#kind !== "json") return "";
    try {
      JSON.parse(text);
      return "";
    } catch (error) {
      return `${shown(this.name)} is no JSON yet: ${error.message}.`;
    }
  }

  #addGiven(isGiven, touched) {
    this.#given = element("input", { type: "checkbox", checked: isGiven });
    this.#given.addEventListener("change", touched);
    this.#control.disabled = !isGiven;
    const words = element("label", { class: "given" }, this.#given, " given");
    words.setAttribute("aria-label", `${this.name} is given`);
    this.element.firstChild.append(words);
  }

  #makeControl(schema, value) {
    const isAbsent = value === undefined || value === null;
    switch (this.#kind) {
      case "choice": {
        const choices = isAbsent || schema.enum.includes(value) ? schema.enum : [value, ...schema.enum];
        return element("select", {}, ...choices.map((each) => option(each, shown(each), each === value)));
      }
      case "switch":
        return element("select", {}, option("true", "yes", value === true), option("false", "no", value === false));
      case "number":
      case "integer": {
        const field = element("input", { type: "text", inputmode: "decimal", autocomplete: "off" });
        field.value = isAbsent ? "" : (this.#original ?? "");
        return field;
      }
      case "text": {
        const field = element("textarea", { rows: "1", spellcheck: "false" });
        field.value = isAbsent ? "" : value;
        return field;
      }
      default: {
        const field = element("textarea", { class: "code", rows: "2", spellcheck: "false", autocapitalize: "off" });
        field.value = isAbsent ? "" : pretty(this.#original ?? "null");
        return field;
      }
    }
  }
}

/**
 * Return the JSON texts of an object's members, by name. A value is written again by the parser, so this is only for
 * texts of which `problemOf` says nothing.
 */
function membersOf(text) {
  return new Map(Object.entries(JSON.parse(text)).map(([name, value]) => [name, { value, text: JSON.stringify(value) }]));
}

/** Return the fields that a form has for these arguments, or null where it can have none. */
function fieldsOf(schema, text, changed) {
  const properties = isObject(schema?.properties) ? schema.properties : {};
  if (problemOf(text)) return null;
  const members = membersOf(text);
  const names = [...new Set([...members.keys(), ...Object.keys(properties)])];
  if (!names.length || names.length > MOST_FIELDS) return null;
  const required = new Set(Array.isArray(schema?.required) ? schema.required : []);
  forms += 1;
  return names.map((name, index) => {
    const { value, text: known } = members.get(name) ?? { value: undefined, text: undefined };
    const its = Object.hasOwn(properties, name) ? properties[name] : {};
    const id = `argument-${forms}-${index}`;
    return new Field(name, its, { value, text: known, isRequired: required.has(name), id, changed });
  });
}

/** The arguments of one call, in fields and as JSON; both always say the same. */
export class ArgumentsForm {
  element = element("div", { class: "arguments-form" });
  #fields = null;
  #holder = element("div", { class: "arguments-fields" });
  #json;
  #schema;
  #changed;
  #problem = "";

  /**
   * @param {{schema: any, text: string, name: string, changed: () => void}} options
   *   the tool's schema, the arguments as JSON text for reading, the tool's name, and who is told of each change
   */
  constructor({ schema, text, name, changed }) {
    this.#schema = schema;
    this.#changed = changed;
    this.#json = element("textarea", {
      class: "code",
      rows: String(Math.min(14, Math.max(3, text.split("\n").length + 1))),
      spellcheck: "false",
      autocapitalize: "off",
      "aria-label": `Arguments of ${name}`,
    });
    this.#json.value = text;
    this.#json.addEventListener("input", () => this.#jsonChanged());
    this.#drawFields();
    if (this.#fields) {
      const raw = element("div", { class: "raw" }, element("p", { class: "helptext" }, "The same as JSON"), this.#json);
      this.element.classList.add("beside");
      this.element.append(this.#holder, raw);
    } else this.element.append(this.#json);
  }

  /** The arguments as JSON text. */
  get text() {
    return this.#json.value;
  }

  /** What is wrong with them, in a sentence, or "". */
  get problem() {
    return this.#problem;
  }

  focus() {
    const first = this.#fields?.find(({ isDisabled }) => !isDisabled) ?? this.#fields?.[0];
    (first ?? this.#json).focus();
  }

  #drawFields() {
    this.#fields = fieldsOf(this.#schema, this.#json.value, () => this.#fieldsChanged());
    this.#holder.replaceChildren(...(this.#fields ?? []).map((field) => field.element));
    this.#holder.hidden = !this.#fields;
  }

  #fieldsChanged() {
    const given = this.#fields.filter(({ text }) => text !== undefined);
    const wrong = this.#fields.map(({ problem }) => problem).find(Boolean) ?? "";
    if (!wrong) {
      this.#json.value = pretty(`{${given.map(({ name, text }) => `${JSON.stringify(name)}: ${text}`).join(", ")}}`);
    }
    this.#told(wrong || problemOf(this.#json.value));
  }

  #jsonChanged() {
    const problem = problemOf(this.#json.value);
    if (!problem && this.#holder.parentNode) this.#drawFields();
    this.#told(problem);
  }

  #told(problem) {
    this.#problem = problem;
    this.#json.setAttribute("aria-invalid", String(Boolean(problem)));
    this.#changed();
  }
}
