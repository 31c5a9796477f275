// One input of a form for each parameter of a route, chosen by its schema.

import { el, newId, size } from "./dom.js";
import { forget, preview } from "./media.js";
import { makeNested, nestedKind } from "./nested.js";
import { bounds, example, kindOf, mediaKind, ofType, settle, typeText } from "./schema.js";

const ACCEPT = { image: "image/*", audio: "audio/*", video: "video/*" };

/** A chosen file or a typed URL, to be sent in whichever way the call is sent. */
export class Media {
  constructor(file, url) {
    this.file = file;
    this.url = url;
  }
}

/** A text that is not what its field asks for. */
export class WrongValue extends Error {}

/**
 * Make a field. `read()` gives the value, a Media, a list of Media, or undefined for "left out", and raises
 * WrongValue; with a `depth` objects and lists are groups of fields instead of JSON; `complain(text)` shows what is wrong with it, `complain(null)` takes that back.
 */
export function makeField(document, name, schema, { required = true, description = "", raw = false, depth = Infinity } = {}) {
  if (!raw && nestedKind(document, schema, depth)) return makeNested(document, name, schema, { required, description, depth });
  const { schema: at } = settle(document, schema);
  const list = at.type === "array" && at.items && mediaKind(document, at.items);
  const kind = raw ? "file" : list ? "list" : kindOf(document, schema);
  const id = newId("field");
  const control = (CONTROLS[kind] ?? CONTROLS.media)({ document, schema, at, id, kind, required, list, raw });
  const target = control.input;
  const type = raw ? "bytes" : typeText(document, schema, 1);
  const words = [description || at.description, bounds(document, schema)].filter(Boolean).join(" · ");
  const hint = words ? el("p", { class: "hint", id: `${id}-hint` }, words) : null;
  const wrong = el("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const described = [hint && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(" ");
  target.setAttribute("aria-describedby", described);
  const label = el("label", { for: id }, el("span", { class: "name" }, name), el("span", { class: "type" }, type),
    required ? null : el("span", { class: "optional" }, "optional"));
  const node = el("div", { class: `field field-${kind}` }, label, hint, control.node ?? target, wrong);
  const complain = (text) => {
    wrong.textContent = text ?? "";
    if (text) target.setAttribute("aria-invalid", "true");
    else target.removeAttribute("aria-invalid");
  };
  node.addEventListener("input", () => complain(null));
  return { name, kind, required, node, complain, read: control.read, focus: () => target.focus() };
}

const first = (at) => at.default ?? at.examples?.[0] ?? at.example;

function lines({ at, id, required }) {
  const value = first(at);
  const input = el("textarea", { id, rows: 1, spellcheck: "false", class: "grow" });
  if (typeof value === "string") input.value = value;
  return { input, read: () => (input.value === "" && !required ? undefined : input.value) };
}

function number({ at, id, kind, required }) {
  const input = el("input", {
    id, type: "number", min: at.minimum, max: at.maximum, step: kind === "integer" ? at.multipleOf ?? 1 : "any",
    inputmode: kind === "integer" ? "numeric" : "decimal", value: first(at),
  });
  return {
    input,
    read() {
      if (input.validity.badInput) throw new WrongValue("Not a number.");
      if (input.value === "" && required) throw new WrongValue("Type a number.");
      return input.value === "" ? undefined : Number(input.value);
    },
  };
}

function choice({ at, id, required }) {
  const values = at.enum ?? ("const" in at ? [at.const] : [true, false]);
  const input = el("select", { id });
  if (!required) input.append(el("option", { value: "" }, "(left out)"));
  values.forEach((value, index) => input.append(el("option", { value: index }, typeof value === "string" ? value : JSON.stringify(value))));
  const preset = values.indexOf(first(at));
  if (preset >= 0) input.value = String(preset);
  return { input, read: () => (input.value === "" ? undefined : values[Number(input.value)]) };
}

function boolean(given) {
  if (!given.required && first(given.at) === undefined) return choice(given);
  const input = el("input", { id: given.id, type: "checkbox" });
  input.checked = first(given.at) === true;
  return { input, read: () => input.checked };
}

/** A JSON editor. `read` says where the text stops being JSON. */
function json({ document, schema, id, required }) {
  const input = el("textarea", { id, class: "code grow", rows: 4, spellcheck: "false" });
  if (required || (settle(document, schema).schema.default ?? null) !== null) {
    input.value = JSON.stringify(example(document, schema), null, 2);
  }
  input.addEventListener("change", () => {
    try {
      if (input.value.trim()) input.value = JSON.stringify(JSON.parse(input.value), null, 2);
    } catch { /* said when it is sent */ }
  });
  return {
    input,
    read() {
      if (input.value.trim() === "" && !required) return undefined;
      try {
        return JSON.parse(input.value);
      } catch (error) {
        throw new WrongValue(`Not JSON: ${error.message}`);
      }
    },
  };
}

/** A file picker that also takes a dropped file, and a URL where the way of sending allows one. */
function media({ at, id, kind, required, raw }) {
  const input = el("input", { id, type: "file", accept: ACCEPT[ofType(at.contentMediaType) ?? kind] });
  const url = raw ? null : el("input", { type: "url", placeholder: "or https://…", "aria-label": "or the URL of it" });
  const view = el("div", { class: "chosen" });
  const urls = [];
  const show = () => {
    forget(urls);
    view.replaceChildren(...[...input.files].slice(0, 4).map((file) => preview(file.name, file, urls)));
    view.querySelectorAll("a").forEach((link) => link.remove());
    if (url) url.disabled = input.files.length > 0;
  };
  input.addEventListener("change", show);
  const node = el("div", { class: "picker" }, el("div", { class: "pick" }, input, url), view);
  dropZone(node, input, show);
  return {
    input, node,
    read() {
      if (input.files.length) return new Media(input.files[0], null);
      if (url?.value) return new Media(null, url.value);
      if (required) throw new WrongValue("Choose a file.");
      return undefined;
    },
  };
}

function mediaList({ id, list, required }) {
  const input = el("input", { id, type: "file", multiple: true, accept: ACCEPT[list] });
  const view = el("p", { class: "hint" });
  const show = () => { view.textContent = [...input.files].map((file) => `${file.name} (${size(file.size)})`).join(", "); };
  input.addEventListener("change", show);
  const node = el("div", { class: "picker" }, input, view);
  dropZone(node, input, show);
  return {
    input, node,
    read() {
      if (!input.files.length) return required ? [] : undefined;
      return [...input.files].map((file) => new Media(file, null));
    },
  };
}

function dropZone(node, input, show) {
  node.addEventListener("dragover", (event) => { event.preventDefault(); node.classList.add("over"); });
  node.addEventListener("dragleave", () => node.classList.remove("over"));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    node.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    show();
  });
}

const CONTROLS = {
  string: lines, integer: number, number, enum: choice, boolean, json, list: mediaList, media,
};
