// From the values of a form to an HTTP call: as JSON, as multipart/form-data or as a raw body.

import { Media } from "./fields.js";
import { base64 } from "./media.js";
import { follow, settle } from "./schema.js";

/** The ways in which a route's body may be sent: [{ mode, contentType, schema, label }]. */
export function waysToSend(document, operation) {
  const content = Object.entries(follow(document, operation.requestBody).content ?? {});
  const media = content.some(([contentType]) => contentType.endsWith("/*"));
  return content.filter(([contentType]) => !(media && contentType === "application/octet-stream")).map(([contentType, entry]) => {
    const schema = entry.schema ?? {};
    if (/^multipart\//.test(contentType)) return { mode: "form", contentType, schema, label: "a form (multipart)" };
    if (/[/+]json$/.test(contentType)) return { mode: "json", contentType, schema, label: "JSON" };
    return { mode: "raw", contentType, schema, label: `a raw body (${contentType})` };
  });
}

/** The content types in which a route can answer with 200. */
export function waysToAnswer(document, operation) {
  return Object.keys(follow(document, operation.responses?.["200"]).content ?? {});
}

/** Whether the body of a way of sending is one object with named fields. */
export const hasFields = (document, way) => Boolean(settle(document, way.schema).schema.properties);

/**
 * Put a call together. `values` is a Map from name to value, Media or list of Media; `wholeBody` stands for a body
 * that is not an object with fields; beside a raw body the values go into the query. Gives { method, url, headers, mode, json | parts | file } with Media as it is.
 */
export function compose({ route, root, way, answer, values, wholeBody, parameters, token }) {
  let path = route.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const [parameter, value] of parameters) {
    if (value === undefined) continue;
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(text));
    else if (parameter.in === "query") query.append(parameter.name, text);
    else if (parameter.in === "header") headers[parameter.name.toLowerCase()] = text;
  }
  if (answer) headers.accept = answer;
  if (token) headers.authorization = `Bearer ${token}`;
  const call = { method: route.method, headers, mode: way?.mode ?? "none" };
  if (way?.mode === "json") {
    headers["content-type"] = way.contentType;
    call.json = wholeBody === undefined ? Object.fromEntries(values) : wholeBody;
  } else if (way?.mode === "form") {
    call.parts = [...values].flatMap(([name, value]) => (isMediaList(value) ? value : [value]).map((one) => [name, one]));
  } else if (way?.mode === "raw") {
    call.file = wholeBody.file;
    for (const [name, value] of values) {
      for (const one of Array.isArray(value) ? value : [value]) if (value !== wholeBody) query.append(name, partText(one));
    }
    headers["content-type"] = fits(call.file.type, way.contentType) ? call.file.type : concrete(way.contentType);
  }
  const url = new URL(path.replace(/^\/+/, ""), root);
  url.search = query.toString();
  return { ...call, url: url.href };
}

const isMediaList = (value) => Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Media);
const concrete = (type) => (type.includes("*") ? "application/octet-stream" : type);
const fits = (type, range) => type !== "" && (range === "*/*" || range === type || (range.endsWith("/*") && type.startsWith(range.slice(0, -1))));

/** The value with every Media as the object that a JSON body carries: { data: base64 } or { data: { url } }. */
export async function jsonValue(value) {
  if (value instanceof Media) return { data: value.file ? await base64(value.file) : { url: value.url } };
  if (Array.isArray(value)) return Promise.all(value.map(jsonValue));
  if (value && typeof value === "object") {
    const pairs = await Promise.all(Object.entries(value).map(async ([key, item]) => [key, await jsonValue(item)]));
    return Object.fromEntries(pairs);
  }
  return value;
}

/** The text of one part of a form. */
export function partText(value) {
  if (value instanceof Media) return value.url;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A composed call as what fetch takes: { url, options }. */
export async function request(call, signal) {
  let body;
  if (call.mode === "json") body = JSON.stringify(await jsonValue(call.json));
  else if (call.mode === "form") {
    body = new FormData();
    for (const [name, value] of call.parts) {
      if (value instanceof Media && value.file) body.append(name, value.file, value.file.name);
      else body.append(name, partText(value));
    }
  } else if (call.mode === "raw") body = call.file;
  return { url: call.url, options: { method: call.method, headers: call.headers, body, signal, credentials: "same-origin" } };
}
