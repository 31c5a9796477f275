// Shows an answer: its status and times, media as media, JSON readably, streams piece by piece as they come.

import { copyButton, el, size } from "./dom.js";
import { forget, mediaIn, preview } from "./media.js";
import { events } from "./stream.js";

const LONG = 160;
const MANY = 400;

/** An empty place for answers. `show(response, started)` fills it and ends when the body has ended. */
export function answerPanel() {
  const urls = [];
  const status = el("p", { class: "status", role: "status" });
  const body = el("div", { class: "answer-body" });
  const node = el("div", { class: "answer", hidden: true }, el("h3", {}, "Answer"), status, body);
  const clear = () => { forget(urls); body.replaceChildren(); };
  const busy = (yes) => node.setAttribute("aria-busy", String(yes));
  return {
    node,
    wait() { clear(); node.hidden = false; busy(true); say(status, "wait", "Waiting …"); },
    fail(text) { say(status, "bad", text); busy(false); },
    async show(response, started) {
      const facts = [`${response.status} ${response.statusText}`.trim(), `${Math.round(performance.now() - started)} ms`];
      const mood = response.ok ? "good" : "bad";
      const type = (response.headers.get("content-type") ?? "").toLowerCase();
      say(status, mood, facts.join(" · "));
      let value = null;
      if (type.startsWith("text/event-stream")) {
        await showStream(response, body, urls, (done) => say(status, done ? mood : "wait", [...facts, ...progress(started, done)].join(" · ")));
      } else {
        const blob = await response.blob();
        facts[1] = `${Math.round(performance.now() - started)} ms`;
        say(status, mood, [...facts, size(blob.size)].join(" · "));
        value = await showBody(blob, type, body, urls);
      }
      body.append(headerTable(response));
      busy(false);
      return value;
    },
  };
}

function say(status, mood, text) {
  status.className = `status ${mood}`;
  status.textContent = text;
}

const progress = (started, done) => (done ? [`ended after ${Math.round(performance.now() - started)} ms`] : ["streaming …"]);

function headerTable(response) {
  const rows = [...response.headers].map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)));
  return el("details", { class: "headers" }, el("summary", {}, "Headers"), el("table", {}, el("tbody", {}, rows)));
}

/** Show a whole body; gives the JSON value where it is JSON. */
async function showBody(blob, type, body, urls) {
  if (/^(image|audio|video)\//.test(type)) {
    body.append(preview("answer", new Blob([blob], { type }), urls));
    return null;
  }
  const text = await blob.text();
  if (/[/+]json/.test(type)) {
    try {
      const value = JSON.parse(text);
      showJson(value, body, urls);
      return value;
    } catch { /* shown as text */ }
  } else if (type && !type.startsWith("text/")) {
    body.append(preview("answer", blob, urls));
    return null;
  }
  if (text) body.append(el("pre", { tabindex: "0", class: "code" }, text.slice(0, 200_000)));
  return null;
}

function showJson(value, body, urls) {
  const media = mediaIn(value);
  if (media.length) body.append(el("div", { class: "media" }, media.map(([name, blob]) => preview(name, blob, urls))));
  body.append(el("div", { class: "code-box" }, copyButton(() => JSON.stringify(value, null, 2)), jsonView(value)));
}

/** JSON with colours; long strings and very long lists are cut for the eye, and whole when copied. */
export function jsonView(value) {
  const pre = el("pre", { tabindex: "0", class: "code json" });
  let left = 5000;
  const put = (kind, text) => pre.append(kind ? el("span", { class: kind }, text) : text);
  const walk = (item, pad) => {
    left -= 1;
    if (left < 0) return put("dim", "…");
    if (typeof item === "string") {
      if (item.length <= LONG * 4 && !/^[A-Za-z0-9+/=]{160,}$/.test(item)) return put("string", JSON.stringify(item));
      put("string", `${JSON.stringify(item.slice(0, 40)).slice(0, -1)}…"`);
      return put("dim", ` (${item.length.toLocaleString("en")} characters)`);
    }
    if (item === null || typeof item !== "object") return put("atom", JSON.stringify(item));
    const many = Array.isArray(item);
    const entries = many ? item.map((one) => [null, one]) : Object.entries(item);
    const [open, close] = many ? "[]" : "{}";
    if (entries.length === 0) return put("", open + close);
    const flat = many && item.every((one) => typeof one === "number") && item.length <= 16;
    put("", open);
    entries.slice(0, MANY).forEach(([key, one], index) => {
      put("", `${index ? "," : ""}${flat ? (index ? " " : "") : `\n${pad}  `}`);
      if (key !== null) { put("key", JSON.stringify(key)); put("", ": "); }
      walk(one, `${pad}  `);
    });
    if (entries.length > MANY) put("dim", `\n${pad}  … ${entries.length - MANY} more`);
    return put("", flat ? close : `\n${pad}${close}`);
  };
  walk(value, "");
  return pre;
}

/** Show a stream: the joined text where the pieces are texts, and each event with the moment it came. */
async function showStream(response, body, urls, report) {
  const started = performance.now();
  const joined = el("pre", { class: "code joined", tabindex: "0", "aria-label": "The pieces, joined", hidden: true });
  const media = el("div", { class: "media" });
  const rows = el("ol", { class: "events" });
  const summary = el("summary", {}, "Events");
  body.append(joined, media, el("details", { open: true }, summary, rows));
  let count = 0;
  report(false);
  for await (const { event, data } of events(response.body)) {
    count += 1;
    summary.textContent = `Events (${count})`;
    const { value, text } = read(data);
    if (event !== "error" && text !== null) {
      joined.hidden = false;
      joined.append(text);
    }
    for (const [name, blob] of mediaIn(value)) media.append(preview(name, blob, urls));
    if (count > 1000) continue;
    const when = `+${Math.round(performance.now() - started)} ms`;
    const shown = data.length > LONG ? `${data.slice(0, LONG)}… (${data.length} characters)` : data;
    rows.append(el("li", { class: event === "error" ? "bad" : null }, el("span", { class: "when" }, when),
      event === "message" ? null : el("b", {}, event), el("code", {}, shown)));
    rows.scrollTop = rows.scrollHeight;
  }
  if (count > 1000) rows.append(el("li", {}, `… ${count - 1000} more`));
  report(true);
}

function read(data) {
  try {
    const value = JSON.parse(data);
    const inner = value && typeof value === "object" && "output" in value ? value.output : value;
    return { value, text: typeof inner === "string" && inner.length < 10_000 ? inner : null };
  } catch {
    return { value: null, text: null };
  }
}
