// Try it: the cards of the documentation page, whose calls go through this dashboard instead of to the endpoint itself.

import { fetchJson } from "./asking.js";
import { el } from "./dom.js";
import { routeCard } from "./route.js";
import { routes } from "./schema.js";
import { through } from "./tunnel.js";

const place = document.getElementById("routes");
const SYSTEM = new Set(["/", "/docs", "/redoc", "/openapi.json", "/healthcheck", "/livez", "/readyz", "/metrics"]);
/** Send a call through the dashboard; gives the endpoint's own Response. */
async function send(url, { method, headers, body, signal }) {
  const { pathname, search } = new URL(url);
  const root = new URL(place.dataset.root).pathname.replace(/\/$/, "");
  const { authorization, ...others } = headers;
  const made = body instanceof FormData ? new Response(body) : null; // its type names the border between the parts
  if (made) others["content-type"] = made.headers.get("content-type");
  return through(place.dataset.call, place.dataset.proof, {
    method, path: pathname.slice(root.length) + search, headers: others, body: (made ? await made.blob() : body) ?? "", signal,
  });
}

async function start() {
  const found = await fetchJson(place.dataset.document);
  if (!found.paths) {
    place.replaceChildren(el("p", { class: "note bad", role: "alert" }, found.detail ?? "The contract cannot be read."));
    return;
  }
  const secured = Boolean(found.components?.securitySchemes);
  const context = {
    document: found, root: new URL(place.dataset.root === "/" ? location.href : place.dataset.root), may: place.dataset.may === "true",
    token: () => (secured ? "HOTPLATE_TOKEN" : ""), onToken: () => undefined, nested: true, send,
    jobPage: (id) => `${place.dataset.call.replace(/call$/, "jobs/")}${encodeURIComponent(id)}`,
  };
  const all = routes(found);
  const own = all.filter((route) => route.tag === "model" || !SYSTEM.has(route.path));
  const chosen = own.find((route) => route.id === decodeURIComponent(location.hash.slice(1))) ?? own.find((route) => route.method === "POST") ?? own[0];
  const others = all.filter((route) => !own.includes(route));
  place.replaceChildren(...own.map((route) => routeCard(context, route, route === chosen)));
  if (others.length) place.append(el("details", { class: "system" }, el("summary", {}, "Routes that every endpoint has"), others.map((route) => routeCard(context, route, false))));
}

start();
