// The call of a form as a shell command, a Python program and a JavaScript module that can be pasted and run.

import { partText } from "./call.js";
import { Media } from "./fields.js";

const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
const KINDS = { image: "Image", audio: "Audio", video: "Video" };

/** The call as a curl command. */
export function curl(call) {
  const flags = [call.streams ? " -N" : "", call.method === "POST" && call.mode !== "none" ? "" : ` -X ${call.method}`];
  const parts = [`curl${flags.join("")} ${shell(call.url)}`];
  for (const [name, value] of Object.entries(call.headers)) {
    if (name === "authorization") parts.push('-H "authorization: Bearer $HOTPLATE_TOKEN"');
    else parts.push(`-H ${shell(`${name}: ${value}`)}`);
  }
  if (call.mode === "form") {
    for (const [name, value] of call.parts) {
      if (value instanceof Media && value.file) parts.push(`-F ${shell(`${name}=@"${quoted(value.file.name)}"`)}`);
      else parts.push(`--form-string ${shell(`${name}=${partText(value)}`)}`);
    }
  } else if (call.mode === "raw") parts.push(`--data-binary ${shell(`@${call.file.name}`)}`);
  else if (call.mode === "json") {
    const files = [];
    const plain = placed(call.json, files);
    const short = JSON.stringify(plain);
    const body = short.length < 60 ? short : JSON.stringify(plain, null, 2);
    if (files.length === 0) parts.push(`-d ${shell(body)}`);
    else return `${[...parts, "--data-binary @- <<JSON"].join(" \\\n  ")}\n${heredoc(body, files)}\nJSON`;
  }
  return parts.join(" \\\n  ");
}

/** The JSON value with a mark for each file, which `heredoc` turns into a command; a URL is written as it is. */
function placed(value, files) {
  if (value instanceof Media) return { data: value.file ? `\u0001${files.push(value.file.name) - 1}\u0001` : { url: value.url } };
  if (Array.isArray(value)) return value.map((item) => placed(item, files));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, placed(item, files)]));
}

/** A JSON text for an unquoted here-document: what the shell would expand is escaped, each mark becomes a command. */
function heredoc(body, files) {
  return body.replace(/[\\$`]/g, "\\$&").replace(/\\\\u0001(\d+)\\\\u0001/g,
    (whole, index) => (index in files ? `$(base64 < ${shell(files[index])} | tr -d '\\n')` : whole));
}

const quoted = (text) => text.replace(/["\\]/g, "\\$&");

/** The call as a Python program: with the hotplate client where it knows the answer's shape, else with httpx. */
export function python(call) {
  const known = call.mode === "json" && call.method === "POST" && !binary(call.headers.accept) && (call.streams || call.wrapped);
  return known ? withClient(call) : withHttpx(call);
}

const binary = (accept) => /^(image|audio|video)\/|octet-stream/.test(accept ?? "");

function withClient(call) {
  const names = new Set(["Client"]);
  const inputs = literal(call.json, 1, names);
  const token = call.headers.authorization ? 'token=os.environ["HOTPLATE_TOKEN"]' : "";
  const lines = [token ? "import os\n" : null, `from hotplate import ${[...names].sort().join(", ")}`, "", `client = Client(${token})`];
  if (call.streams) {
    lines.push(`for piece in client.infer_stream(\n    ${text(call.url)},\n    ${inputs},\n):`, "    print(piece)");
  } else {
    lines.push(`answer = client.infer(\n    ${text(call.url)},\n    ${inputs},\n)`, 'print(answer["output"])');
  }
  return lines.filter((line) => line !== null).join("\n");
}

function withHttpx(call) {
  const given = [text(call.url)];
  const imports = new Set(["import httpx"]);
  const open = (name) => { imports.add("from pathlib import Path"); return `Path(${text(name)}).read_bytes()`; };
  const headers = Object.entries(call.headers).map(([name, value]) => {
    if (name !== "authorization") return `${text(name)}: ${text(value)}`;
    imports.add("import os");
    return `"authorization": f"Bearer {os.environ['HOTPLATE_TOKEN']}"`;
  });
  if (headers.length) given.push(`headers={${headers.join(", ")}}`);
  if (call.mode === "json") {
    const names = new Set();
    given.push(`json=${literal(call.json, 1, names, true)}`);
    if (names.size) imports.add(`from hotplate import ${[...names].sort().join(", ")}`);
  } else if (call.mode === "raw") given.push(`content=${open(call.file.name)}`);
  else if (call.mode === "form") {
    const parts = call.parts.map(([name, value]) => {
      if (!(value instanceof Media && value.file)) return `(${text(name)}, (None, ${text(partText(value))}))`;
      const type = value.file.type ? `, ${text(value.file.type)}` : "";
      return `(${text(name)}, (${text(value.file.name)}, ${open(value.file.name)}${type}))`;
    });
    given.push(`files=[\n        ${parts.join(",\n        ")},\n    ]`);
  }
  const order = [...imports].sort((a, b) => Number(a.includes("httpx") || a.includes("hotplate")) - Number(b.includes("httpx") || b.includes("hotplate")) || a.localeCompare(b));
  const result = binary(call.headers.accept) ? "print(len(response.content))" : "print(response.text)";
  return `${order.join("\n")}\n\nresponse = httpx.${call.method.toLowerCase()}(\n    ${given.join(",\n    ")},\n)\nresponse.raise_for_status()\n${result}`;
}

// JSON's string escapes are Python's too.
const text = (value) => JSON.stringify(value);

/** A JSON value as a Python literal; media as `Image.from_file(…)`, whose class is added to `names`. */
function literal(value, depth, names, asText = false) {
  const pad = "    ".repeat(depth + 1);
  const end = "    ".repeat(depth);
  if (value instanceof Media) {
    const name = KINDS[value.file?.type.split("/")[0]] ?? "File";
    if (!value.file) return `{"data": {"url": ${text(value.url)}}}`;
    names.add(name);
    const dumped = `${name}.from_file(${text(value.file.name)})`;
    return asText ? `{"data": ${dumped}.to_base64().decode()}` : `${dumped}.model_dump()`;
  }
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const many = Array.isArray(value);
  const items = many ? value.map((item) => literal(item, depth + 1, names, asText))
    : Object.entries(value).map(([key, item]) => `${text(key)}: ${literal(item, depth + 1, names, asText)}`);
  const [left, right] = many ? "[]" : "{}";
  if (items.length === 0) return left + right;
  const short = `${left}${items.join(", ")}${right}`;
  if (short.length < 70 && !short.includes("\n")) return short;
  return `${left}\n${items.map((item) => `${pad}${item},`).join("\n")}\n${end}${right}`;
}

/** The call as a JavaScript module for Node or Deno; files are read from the folder that it runs in. */
export function javascript(call) {
  const imports = new Set();
  const read = (name) => { imports.add('import { readFile } from "node:fs/promises";'); return `await readFile(${text(name)})`; };
  const headers = Object.entries(call.headers).map(([name, value]) => `    ${text(name)}: ${name === "authorization" ? "`Bearer ${process.env.HOTPLATE_TOKEN}`" : text(value)},`);
  const lines = [];
  let body = null;
  if (call.mode === "json") body = `JSON.stringify(${written(call.json, 1, read)})`;
  else if (call.mode === "raw") body = read(call.file.name);
  else if (call.mode === "form") {
    lines.push("const form = new FormData();");
    for (const [name, value] of call.parts) {
      if (value instanceof Media && value.file) lines.push(`form.append(${text(name)}, new Blob([${read(value.file.name)}]${value.file.type ? `, { type: ${text(value.file.type)} }` : ""}), ${text(value.file.name)});`);
      else lines.push(`form.append(${text(name)}, ${text(partText(value))});`);
    }
    body = "form";
  }
  lines.push(`const response = await fetch(${text(call.url)}, {`, `  method: ${text(call.method)},`);
  if (headers.length) lines.push("  headers: {", ...headers, "  },");
  if (body) lines.push(`  body: ${body},`);
  lines.push("});", "if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);");
  if (call.streams) lines.push("for await (const piece of response.body.pipeThrough(new TextDecoderStream())) console.log(piece);");
  else if (binary(call.headers.accept)) lines.push("console.log((await response.arrayBuffer()).byteLength);");
  else lines.push("console.log(await response.text());");
  return [...imports, ...(imports.size ? [""] : []), ...lines].join("\n");
}

/** A value as a JavaScript literal; a file as the command that reads it. */
function written(value, depth, read) {
  if (value instanceof Media) return value.file ? `{ data: (${read(value.file.name)}).toString("base64") }` : `{ data: { url: ${text(value.url)} } }`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const many = Array.isArray(value);
  const items = many ? value.map((item) => written(item, depth + 1, read))
    : Object.entries(value).map(([key, item]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : text(key)}: ${written(item, depth + 1, read)}`);
  if (items.length === 0) return many ? "[]" : "{}";
  const short = many ? `[${items.join(", ")}]` : `{ ${items.join(", ")} }`;
  if (short.length < 70 && !short.includes("\n")) return short;
  const pad = "  ".repeat(depth + 1);
  return `${many ? "[" : "{"}\n${items.map((item) => `${pad}${item},`).join("\n")}\n${"  ".repeat(depth)}${many ? "]" : "}"}`;
}
