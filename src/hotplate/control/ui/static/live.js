// Parts of a page that change by themselves. The server writes them; here they are put in their place.
// A browser has six connections to a host for all its tabs: a tab that nobody sees lets go of its own.

import { drawCharts } from "./chart.js";
import { sayTimes } from "./times.js";

/** Follow the changes of the page at an address for as long as it is seen. */
export function follow(address) {
  let source = null;
  const open = () => {
    if (source || document.hidden) return;
    source = listen(address, { parts: replaceAll, items: replaceItems, over: () => { close(); location.reload(); } });
  };
  const close = () => { source?.close(); source = null; };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

/** Listen to events with JSON in them. The connection is made again when it breaks. */
export function listen(address, handlers) {
  const source = new EventSource(address);
  for (const [name, handle] of Object.entries(handlers)) source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  return source;
}

/** Put parts in their places, each by its id. */
export function replaceAll(parts) {
  for (const [id, html] of Object.entries(parts)) {
    const place = document.getElementById(id);
    if (place) replace(place, html);
  }
}

/** Elements of a list that changed, each by its id; the others stay. */
function replaceItems(items) {
  for (const [id, html] of Object.entries(items)) {
    const old = document.getElementById(id);
    const made = document.createElement("template");
    made.innerHTML = html;
    const next = made.content.firstElementChild;
    if (!old || !next) continue;
    const mark = old.contains(document.activeElement) && markOf(document.activeElement);
    old.replaceWith(next);
    sayTimes(next);
    if (mark) [...next.querySelectorAll("a, button, summary")].find((node) => markOf(node) === mark)?.focus();
  }
}

/** Put what the server wrote, where everything is escaped, into a place; what did not change stays as it is. */
export function replace(place, html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  const now = [...place.children];
  const next = [...made.content.children];
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const mark = focused && markOf(focused);
  if (now.length === next.length) next.forEach((node, index) => { if (!same(now[index], node)) { keepOpen(now[index], node); now[index].replaceWith(node); } });
  else place.replaceChildren(...next);
  sayTimes(place);
  drawCharts(place);
  if (mark && !place.contains(document.activeElement)) [...place.querySelectorAll("a, button, summary")].find((node) => markOf(node) === mark)?.focus();
}

const written = new WeakMap();
const markOf = (node) => `${node.tagName} ${node.getAttribute("href") ?? ""} ${node.textContent}`;

function same(old, node) {
  const text = node.outerHTML;
  if (written.get(old) === text) return true;
  written.set(node, text);
  return false;
}

function keepOpen(old, node) {
  const was = old.querySelector?.("details");
  const is = node.querySelector?.("details");
  if (was?.open && is && was.querySelector(".what")?.textContent === is.querySelector(".what")?.textContent) is.open = true;
}
