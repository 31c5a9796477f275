// The log of an endpoint: new lines on top as they come, older ones when one scrolls to the end.

import { listen, replaceAll } from "./live.js";

const log = document.getElementById("log");
const news = document.getElementById("news");
const end = document.getElementById("end");
const button = document.getElementById("follow");
const KEPT = 3000;
const { base, query } = log.dataset;
let following = true;
let waiting = [];
let source = null;
let loading = false;

function nodes(html) {
  const made = document.createElement("template");
  made.innerHTML = html; // written by the server, where everything is escaped
  return [...made.content.children];
}

function put(lines) {
  log.prepend(...lines);
  while (log.childElementCount > KEPT) log.lastElementChild.remove();
}

function came({ html, left_out: left }) {
  const lines = nodes(html);
  if (following) {
    put(lines);
    news.textContent = left ? `${left} more lines came at once; the download has them.` : "";
    return;
  }
  waiting = [...lines, ...waiting].slice(0, KEPT);
  news.textContent = `Paused. ${waiting.length} new lines.`;
}

function setFollowing(yes) {
  following = yes;
  button.setAttribute("aria-pressed", String(yes));
  button.querySelector("span").textContent = yes ? "Pause log" : "Follow log";
  button.classList.toggle("following", yes);
  if (yes) {
    put(waiting);
    waiting = [];
    news.textContent = "";
  } else news.textContent = "Paused.";
}

function open() {
  if (source || document.hidden) return;
  source = listen(`${base}/logs/stream?${query}`, { lines: came, parts: replaceAll, over: () => location.reload() });
}

function close() {
  source?.close();
  source = null;
}

async function older() {
  if (loading || !log.dataset.older) return;
  loading = true;
  const response = await fetch(`${base}/logs/older?${query}${query ? "&" : ""}before=${encodeURIComponent(log.dataset.older)}`);
  if (response.ok) {
    log.append(...nodes(await response.text()));
    log.dataset.older = response.headers.get("x-hotplate-older") ?? "";
    end.textContent = log.dataset.older ? "Scroll for older lines" : "This is where the log begins.";
  } else end.textContent = "Older lines could not be read.";
  loading = false;
  look();
}

/** Read on while the end is in sight. */
function look() {
  if (end.getBoundingClientRect().top < innerHeight + 300) older();
}

button.addEventListener("click", () => setFollowing(!following));
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
document.querySelector(".filters").addEventListener("change", (event) => event.currentTarget.requestSubmit());
document.querySelector(".filters").addEventListener("submit", ({ currentTarget }) => {
  for (const field of currentTarget.elements) if (field.name && !field.value) field.disabled = true;
});
addEventListener("pagehide", close);
new IntersectionObserver(() => look(), { rootMargin: "300px" }).observe(end);
open();
