// Media in values and answers: recognises it, shows it, turns files into base64.

import { el, size } from "./dom.js";

const MAGIC = [
  [/^\x89PNG/, "image/png"], [/^\xff\xd8\xff/, "image/jpeg"], [/^GIF8/, "image/gif"], [/^RIFF....WEBP/s, "image/webp"],
  [/^....ftypavif/s, "image/avif"], [/^RIFF....WAVE/s, "audio/wav"], [/^OggS/, "audio/ogg"],
  [/^fLaC/, "audio/flac"], [/^ID3/, "audio/mpeg"], [/^\xff[\xfb\xf3\xf2]/, "audio/mpeg"], [/^....ftyp/s, "video/mp4"],
  [/^\x1a\x45\xdf\xa3/, "video/webm"], [/^%PDF-/, "application/pdf"],
];
const BASE64 = /^[A-Za-z0-9+/]{24,}={0,2}$/;
const ENDINGS = { mpeg: "mp3", jpeg: "jpg", wav: "wav", "octet-stream": "bin" };

/** Free the previews whose addresses a list has collected. */
export function forget(urls) {
  for (const url of urls.splice(0)) URL.revokeObjectURL(url);
}

/** The content type of some bytes (as a binary string), or null. */
const typeOf = (head) => MAGIC.find(([pattern]) => pattern.test(head))?.[1] ?? null;

/** A Blob for a text that is media in base64 or a data URL, else null. */
export function blobOf(text) {
  const [, named, encoded] = /^data:([\w.+/-]+);base64,(.*)$/s.exec(text) ?? [null, null, text];
  if (!named && !BASE64.test(encoded)) return null;
  try {
    const type = typeOf(atob(encoded.slice(0, 64))) ?? named;
    if (!type) return null;
    return new Blob([Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0))], { type });
  } catch {
    return null;
  }
}

/** Every piece of media in a JSON value: [[path, Blob], …], at most 24 of them. */
export function mediaIn(value, path = "", found = []) {
  if (found.length >= 24) return found;
  if (typeof value === "string") {
    const blob = value.length >= 24 ? blobOf(value) : null;
    if (blob) found.push([path.replace(/\.data$/, "") || "answer", blob]);
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => mediaIn(item, `${path}[${index}]`, found));
  } else if (value && typeof value === "object") {
    for (const [key, item] of Object.entries(value)) mediaIn(item, path ? `${path}.${key}` : key, found);
  }
  return found;
}

/** A picture, a player or a link for a Blob, with its name and size; `urls` collects addresses for `forget`. */
export function preview(name, blob, urls) {
  const url = URL.createObjectURL(blob);
  urls.push(url);
  const family = blob.type.split("/")[0];
  const ending = blob.type.split("/")[1]?.split(/[;+]/)[0] ?? "bin";
  let view = null;
  if (family === "image") view = el("img", { src: url, alt: `${name}, as a picture` });
  else if (family === "audio") view = el("audio", { src: url, controls: true, "aria-label": name });
  else if (family === "video") view = el("video", { src: url, controls: true, "aria-label": name });
  const file = `${name.replace(/[^\w-]+/g, "-").replace(/^-|-$/g, "")}.${ENDINGS[ending] ?? ending}`;
  const link = el("a", { href: url, download: file, class: "button quiet" }, "Save");
  const label = `${name} · ${blob.type || "bytes"} · ${size(blob.size)}`;
  return el("figure", {}, view, el("figcaption", {}, el("span", {}, label), link));
}

/** The base64 text of a file. */
export function base64(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}
