// Starts the page: reads openapi.json beside it, lays out a card for each route.

import { el, newId } from "./dom.js";
import { routeCard } from "./route.js";
import { follow, routes } from "./schema.js";

/** The endpoint's own address: this file is docs/app.js below it. */
const ROOT = new URL("../", import.meta.url);
const main = document.getElementById("routes");

async function start(token = "") {
  let openapi;
  try {
    const response = await ask("openapi.json", token);
    if (response.status === 401 || response.status === 403) return askToken(token);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    openapi = await response.json();
  } catch (error) {
    main.replaceChildren(el("p", { role: "alert" }, `openapi.json could not be read: ${error.message}. `),
      el("button", { type: "button", onclick: () => start(token) }, "Try again"));
    return;
  }
  layOut(openapi, token);
}

const ask = (path, token) => fetch(new URL(path, ROOT), { headers: token ? { authorization: `Bearer ${token}` } : {} });

const tokenInput = (id) => el("input", { id, type: "password", autocomplete: "off", spellcheck: "false" });

function askToken(wrong) {
  const input = tokenInput("t");
  const onsubmit = (event) => (event.preventDefault(), start(input.value.trim()));
  main.replaceChildren(el("form", { class: "token", onsubmit }, wrong && el("p", { role: "alert" }, "Wrong token"),
    el("label", { for: "t" }, "Token"), input, el("button", {}, "Open")));
  input.focus();
}

function layOut(openapi, given) {
  const title = openapi.info?.title || "Endpoint";
  document.title = title;
  const token = tokenField(openapi, given);
  const state = el("span", { class: "state", role: "status" });
  document.getElementById("top").replaceChildren(
    el("div", { class: "title" }, el("h1", {}, title), openapi.info?.version ? el("span", { class: "version" }, openapi.info.version) : "", state),
    openapi.info?.description ? el("p", { class: "description" }, openapi.info.description) : "",
    el("p", { class: "links" }, el("a", { href: new URL("openapi.json", ROOT).href }, "openapi.json")), token.node ?? "");
  const context = { document: openapi, root: ROOT, token: token.value, onToken: token.onChange };
  const found = routes(openapi);
  const groups = Map.groupBy ? Map.groupBy(found, (route) => route.tag) : grouped(found);
  const wanted = decodeURIComponent(location.hash.slice(1));
  const chosen = found.find((route) => route.id === wanted) ?? found.find((route) => route.method === "POST") ?? found[0];
  main.replaceChildren(...[...groups].flatMap(([tag, members]) => [
    tag ? el("h2", { class: "group" }, tag) : "",
    ...members.map((route) => routeCard(context, route, route === chosen)),
  ]).filter(Boolean));
  if (!found.length) main.append(el("p", {}, "This endpoint has no routes."));
  if (wanted) document.getElementById(wanted)?.scrollIntoView();
  addEventListener("hashchange", () => {
    const card = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (card?.tagName === "DETAILS") card.open = true;
  });
  main.addEventListener("toggle", ({ target }) => {
    const said = target === document.getElementById(chosen?.id) && !location.hash; // opened by the page, not by a person
    if (target.open && !said && target.classList.contains("card")) history.replaceState(null, "", `#${encodeURIComponent(target.id)}`);
  }, true);
  watch(state, given);
}

function grouped(found) {
  const groups = new Map();
  for (const route of found) groups.set(route.tag, [...(groups.get(route.tag) ?? []), route]);
  return groups;
}

/** A field for a token where the endpoint asks for one. */
function tokenField(openapi, given) {
  const schemes = Object.values(openapi.components?.securitySchemes ?? {}).map((scheme) => follow(openapi, scheme));
  if (!schemes.some((scheme) => scheme.type === "http" && scheme.scheme?.toLowerCase() === "bearer")) {
    return { node: null, value: () => "", onChange: () => undefined };
  }
  const id = newId("token");
  const input = tokenInput(id);
  input.value = given;
  return {
    node: el("p", { class: "token" }, el("label", { for: id }, "Token"), input, el("span", { class: "hint" }, "kept in this page only")),
    value: () => input.value.trim(),
    onChange: (listener) => input.addEventListener("input", listener),
  };
}

/** Say whether the model is ready. */
async function watch(state, token) {
  try {
    const response = await ask("healthcheck", token);
    const { status } = await response.json();
    state.textContent = typeof status === "string" ? status.toLowerCase().replaceAll("_", " ") : "";
    state.className = `state ${response.ok ? "good" : "wait"}`;
    if (!response.ok) setTimeout(watch, 2000, state, token);
  } catch {
    state.textContent = "";
  }
}

start();
