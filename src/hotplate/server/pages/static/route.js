// One route of the page: what it takes and gives, a form to try it, the same call as code, the answer.

import { answerPanel } from "./answer.js";
import { compose, hasFields, request, waysToAnswer, waysToSend } from "./call.js";
import { copyButton, el, newId } from "./dom.js";
import { makeField, Media, WrongValue } from "./fields.js";
import { bounds, follow, settle, typeText } from "./schema.js";
import { curl, javascript, python } from "./snippets.js";

const STAND_INS = {
  image: ["photo.jpg", "image/jpeg"], audio: ["speech.wav", "audio/wav"], video: ["clip.mp4", "video/mp4"],
};

const MEDIA_KINDS = new Set(["image", "audio", "video", "file", "list"]);

/**
 * Make the card of a route. `context` has { document, root, token(), onToken(listener) }; where it has `send(url, options)`,
 * that takes the place of fetch; where it has `may: false`, calls are shown and not sent; where it has `jobPage(id)`, a call
 * can be sent as a job, whose page that is; with `nested` objects and lists are filled in by parts.
 */
export function routeCard(context, route, open) {
  const { operation } = route;
  const body = el("div", { class: "card-body" });
  const card = el("details", { class: "card", id: route.id, open },
    el("summary", {},
      el("h2", {}, el("span", { class: `method ${route.method.toLowerCase()}` }, route.method), el("code", {}, route.path)),
      operation.summary && operation.summary !== route.path.slice(1) ? el("span", { class: "gist" }, operation.summary) : null),
    body);
  const fill = () => {
    if (body.childElementCount || !card.open) return;
    body.append(...inside(context, route));
  };
  card.addEventListener("toggle", fill);
  fill();
  return card;
}

/** The schema of a good answer in JSON; an empty one where nothing is said. */
function answerSchema({ responses = {} }) {
  const good = Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1];
  return good?.content?.["application/json"]?.schema ?? {};
}

function inside(context, route) {
  const { document } = context;
  const { operation } = route;
  const ways = waysToSend(document, operation);
  const answers = waysToAnswer(document, operation);
  const streams = answers.includes("text/event-stream");
  const wrapped = Boolean(settle(document, answerSchema(operation)).schema.properties?.output);
  const panel = answerPanel();
  const form = el("form", { class: "form", novalidate: true, "aria-label": `Try ${route.method} ${route.path}` });
  const examples = codeTabs();
  const parameters = route.parameters.filter(({ in: place }) => place !== "cookie")
    .map((parameter) => [parameter, makeField(document, parameter.name, parameter.schema ?? parameter.content?.["application/json"]?.schema ?? {}, { required: Boolean(parameter.required), description: parameter.description })]);
  let fields = [];
  let running = null;

  const sendAs = picker("Send as", ways.map((way) => way.label));
  const answerAs = picker("Answer as", answers);
  const place = el("div", { class: "fields" });
  const sendButton = el("button", { type: "submit", class: "send", disabled: context.may === false }, "Send");
  const asJob = context.jobPage && route.method === "POST" ? el("input", { type: "checkbox" }) : null;
  const cancelButton = el("button", { type: "button", hidden: true, onclick: () => running?.abort() }, "Cancel");

  const way = () => ways[sendAs.value()];
  const layFields = () => {
    fields = way() ? fieldsOf(document, way(), ways, context.nested ? 0 : Infinity) : [];
    place.replaceChildren(...parameters.map(([, field]) => field.node), ...fields.map((field) => field.node));
    if (!place.childElementCount) place.append(el("p", { class: "hint" }, "This route takes no input."));
  };
  const gather = (lenient) => {
    const read = (field) => {
      try {
        return field.read();
      } catch (error) {
        if (lenient) return standIn(field);
        throw Object.assign(error, { field });
      }
    };
    const values = new Map(fields.map((field) => [field.name, read(field)]).filter(([, value]) => value !== undefined));
    const bare = way() && (way().mode === "raw" || !hasFields(document, way()));
    const call = compose({
      route, root: context.root, way: way(), answer: answers.length > 1 ? answers[answerAs.value()] : null,
      values, wholeBody: bare ? values.get(fields[0].name) : undefined, token: context.token(),
      parameters: parameters.map(([parameter, field]) => [parameter, read(field)]),
    });
    if (asJob?.checked) call.headers.prefer = "respond-async";
    return { ...call, wrapped, streams: !asJob?.checked && streams && (answers.length === 1 || call.headers.accept === "text/event-stream") };
  };
  const refresh = () => {
    const call = gather(true);
    examples.set({ curl: curl(call), Python: python(call), JavaScript: javascript(call) });
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    [...fields, ...parameters.map(([, field]) => field)].forEach((field) => field.complain(null));
    let call;
    try {
      call = gather(false);
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error;
      error.field.complain(error.message);
      error.field.focus();
      return;
    }
    running = new AbortController();
    sendButton.disabled = true;
    cancelButton.hidden = false;
    panel.wait();
    const started = performance.now();
    try {
      const { url, options } = await request(call, running.signal);
      const value = await panel.show(await (context.send ?? fetch)(url, options), started);
      blame(value?.detail, fields);
      if (asJob?.checked && value?.id) panel.node.append(el("a", { class: "button", href: context.jobPage(value.id) }, "Open the job"));
    } catch (error) {
      panel.fail(error.name === "AbortError" ? "Cancelled." : `No answer: ${error.message}. Is the server still there?`);
    } finally {
      running = null;
      sendButton.disabled = false;
      cancelButton.hidden = true;
    }
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    else if (event.key === "Escape" && running) running.abort();
  });
  form.addEventListener("input", refresh);
  form.addEventListener("change", refresh);
  sendAs.node.addEventListener("change", () => { layFields(); refresh(); });
  context.onToken(refresh);

  layFields();
  form.append(el("h3", {}, "Try it"), ways.length > 1 ? sendAs.node : "", place, answers.length > 1 ? answerAs.node : "",
    el("div", { class: "actions" }, sendButton, cancelButton, asJob ? el("label", { class: "asjob" }, asJob, "Run as a job") : "", el("span", { class: "hint keys" }, "Ctrl + Enter sends, Esc cancels")));
  refresh();
  const words = operation.description && operation.description !== operation.summary ? el("p", { class: "description" }, operation.description) : "";
  return [words, el("div", { class: "columns" }, el("div", {}, form), el("div", { class: "side" }, examples.node, panel.node)),
    schemas(document, operation, ways)].filter(Boolean);
}

/** The fields of one way of sending: one for each property, or one for a body that is not an object or is raw. */
function fieldsOf(document, way, ways, depth) {
  if (way.mode === "raw") {
    const named = ways.find((other) => other.mode === "json" && hasFields(document, other));
    const beside = named ? fieldsOf(document, named, ways, depth).filter((field) => !MEDIA_KINDS.has(field.kind)) : [];
    return [makeField(document, "body", { contentMediaType: way.contentType }, { raw: true }), ...beside];
  }
  const { schema } = settle(document, way.schema);
  if (!schema.properties) return [makeField(document, "body", way.schema)];
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties).map(([name, property]) => makeField(document, name, property, { required: required.has(name), depth }));
}

/** What stands in an example for a value that is not given yet. */
function standIn(field) {
  if (field.kind === "number" || field.kind === "integer") return 0;
  if (field.kind === "json") return null;
  const [name, type] = STAND_INS[field.kind] ?? ["file.bin", ""];
  return new Media({ name, type }, null);
}

/** Show the items of a 422 at the fields that they are about. */
function blame(detail, fields) {
  if (!Array.isArray(detail)) return;
  const about = new Map();
  for (const { loc, msg } of detail) {
    if (!Array.isArray(loc) || loc[0] !== "body" || typeof msg !== "string") continue;
    const deeper = loc.slice(2).join(".");
    about.set(loc[1], [...(about.get(loc[1]) ?? []), deeper ? `${deeper}: ${msg}` : msg]);
  }
  const wrong = fields.filter((field) => about.has(field.name));
  wrong.forEach((field) => field.complain(about.get(field.name).join("; ")));
  wrong[0]?.focus();
}

function picker(label, options) {
  const id = newId("pick");
  const select = el("select", { id }, options.map((text, index) => el("option", { value: index }, text)));
  return { node: el("div", { class: "picker-row" }, el("label", { for: id }, label), select), value: () => Number(select.value) };
}

/** The same call as code, in tabs that the arrow keys move through. */
function codeTabs() {
  const names = ["curl", "Python", "JavaScript"];
  const code = el("pre", { class: "code", tabindex: "0", role: "tabpanel", "aria-label": "The call as code" });
  let texts = {};
  let current = names[0];
  const tabs = names.map((name) => el("button", { type: "button", role: "tab", onclick: () => choose(name) }, name));
  const choose = (name) => {
    current = name;
    tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(names[index] === name));
      tab.tabIndex = names[index] === name ? 0 : -1;
    });
    code.textContent = texts[name] ?? "";
  };
  const bar = el("div", { role: "tablist", "aria-label": "Language" }, tabs);
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const next = (names.indexOf(current) + (event.key === "ArrowRight" ? 1 : names.length - 1)) % names.length;
    choose(names[next]);
    tabs[next].focus();
  });
  choose(current);
  return {
    node: el("div", { class: "example" }, el("h3", {}, "The same call as code"), el("div", { class: "tab-row" }, bar, copyButton(() => texts[current])), code),
    set(next) { texts = next; choose(current); },
  };
}

/** What goes in and comes out, as tables of names, types and bounds. */
function schemas(document, operation, ways) {
  const parts = ways.filter((way) => way.mode !== "raw").slice(0, 1).map((way) => ["Input", way.schema]);
  const errors = [];
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const { description = "", content = {} } = follow(document, response);
    if (status >= "400") errors.push(el("dt", {}, el("code", {}, status)), el("dd", {}, description));
    else {
      for (const [type, entry] of Object.entries(content)) {
        const schema = entry["x-event-data"] ?? entry.schema ?? {};
        if (Object.keys(schema).length) parts.push([`${status} ${type} — ${description}`, schema]);
      }
    }
  }
  if (!parts.length && !errors.length) return null;
  return el("details", { class: "schemas" }, el("summary", {}, "Schemas"),
    parts.map(([title, schema]) => [el("h4", {}, title), schemaTable(document, schema, 0)]).flat(),
    errors.length ? [el("h4", {}, "Errors"), el("dl", { class: "errors" }, errors)] : []);
}

function schemaTable(document, schema, depth) {
  let { schema: at } = settle(document, schema);
  if (at.type === "array" && at.items) at = settle(document, at.items).schema;
  if (!at.properties) return el("p", { class: "type" }, typeText(document, schema));
  const required = new Set(at.required ?? []);
  return el("dl", {}, Object.entries(at.properties).map(([name, property]) => {
    const inner = settle(document, property).schema;
    const target = inner.type === "array" && inner.items ? settle(document, inner.items).schema : inner;
    return [el("dt", {}, el("code", {}, name), el("span", { class: "type" }, typeText(document, property, 1)), required.has(name) ? null : el("span", { class: "optional" }, "optional")),
      el("dd", {}, [inner.description, bounds(document, property)].filter(Boolean).join(" · "), target.properties && depth < 3 ? schemaTable(document, property, depth + 1) : null)];
  }).flat());
}
