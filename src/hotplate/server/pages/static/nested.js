// Fields for objects and lists: a group of fields for the properties, a field for each item.

import { makeField, WrongValue } from "./fields.js";
import { el, newId } from "./dom.js";
import { kindOf, mediaKind, settle, typeText } from "./schema.js";

const DEEPEST = 4;

/** `object` or `items` where a schema is better filled in by parts than as JSON, else null. */
export function nestedKind(document, schema, depth) {
  const { schema: at } = settle(document, schema);
  if (depth > DEEPEST || mediaKind(document, schema) || at.enum) return null;
  if (at.properties && Object.keys(at.properties).length) return "object";
  if (at.type === "array" && at.items && !mediaKind(document, at.items)) {
    return kindOf(document, at.items) !== "json" || nestedKind(document, at.items, depth + 1) ? "items" : null;
  }
  return null;
}

/** Make such a field; it has what `makeField` gives. */
export function makeNested(document, name, schema, { required, description, depth }) {
  const { schema: at } = settle(document, schema);
  const id = newId("group");
  const wrong = el("p", { class: "wrong", role: "alert" });
  const given = required ? null : el("input", { type: "checkbox", "aria-label": `give ${name}` });
  const part = (at.properties ? parts : items)(document, name, at, depth, given);
  const head = el("div", { class: "nested-head", id }, given, el("span", { class: "name" }, name),
    el("span", { class: "type" }, typeText(document, schema, 1)), required ? null : el("span", { class: "optional" }, "optional"));
  const text = description || at.description;
  const node = el("div", { class: "field field-nested", role: "group", "aria-labelledby": id }, head,
    text ? el("p", { class: "hint" }, text) : null, part.node, wrong);
  const toggle = () => { part.node.hidden = Boolean(given) && !given.checked; };
  given?.addEventListener("change", toggle);
  if (given && Array.isArray(at.default) && at.default.length) given.checked = true;
  toggle();
  node.addEventListener("input", () => { wrong.textContent = ""; });
  return {
    name, kind: "json", required, node,
    complain: (said) => { wrong.textContent = said ?? ""; },
    read: () => (given && !given.checked ? undefined : part.read()),
    focus: () => node.querySelector("input, textarea, select, button")?.focus(),
  };
}

function parts(document, name, at, depth) {
  const required = new Set(at.required ?? []);
  const fields = Object.entries(at.properties).map(([key, property]) => makeField(document, key, property, { required: required.has(key), depth: depth + 1 }));
  return {
    node: el("div", { class: "nested" }, fields.map((field) => field.node)),
    read: () => Object.fromEntries(fields.map((field) => [field.name, value(field)]).filter(([, one]) => one !== undefined)),
  };
}

function items(document, name, at, depth, given) {
  const rows = [];
  const place = el("div", {});
  const node = el("div", { class: "nested" }, place);
  const changed = () => node.dispatchEvent(new Event("input", { bubbles: true }));
  const add = (schema) => {
    const field = makeField(document, `${name}[${rows.length}]`, schema, { required: true, depth: depth + 1 });
    const row = { field, node: el("div", { class: "item" }, field.node) };
    row.node.append(el("button", { type: "button", class: "quiet", "aria-label": `Remove ${field.name}`, onclick: () => {
      rows.splice(rows.indexOf(row), 1);
      row.node.remove();
      changed();
    } }, "Remove"));
    rows.push(row);
    place.append(row.node);
    return field;
  };
  const first = at.default ?? at.examples?.[0];
  if (Array.isArray(first)) first.slice(0, 50).forEach((one) => add({ ...settle(document, at.items).schema, default: one }));
  node.append(el("button", { type: "button", class: "quiet", onclick: () => {
    if (given) given.checked = true;
    add(at.items).focus();
    changed();
  } }, "Add an item"));
  return { node, read: () => rows.map(({ field }) => value(field)) };
}

/** A part's value; what is wrong with it is said there and above. */
function value(field) {
  try {
    return field.read();
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error;
    field.complain(error.message);
    throw new WrongValue(`${field.name}: ${error.message}`);
  }
}
