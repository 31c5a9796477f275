// Reads an OpenAPI 3.1 document: routes, references, what kind of control fits a schema, types as short texts.

const METHODS = ["post", "get", "put", "patch", "delete"];
const MEDIA = /^(image|audio|video|file)(-input|-output|media)?$/i;

/** Every route of the document, in its order: { method, path, id, operation, parameters, tag }. */
export function routes(document) {
  const found = [];
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      found.push({
        method: method.toUpperCase(), path, operation,
        id: method === "post" ? path : `${path}:${method}`,
        parameters: parameters.map((parameter) => follow(document, parameter)),
        tag: operation.tags?.[0] ?? "",
      });
    }
  }
  return found;
}

/** The schema behind a chain of references; what is written beside a `$ref` wins, as JSON Schema 2020-12 says. */
export function follow(document, schema) {
  let at = schema ?? {};
  for (let hops = 0; typeof at.$ref === "string" && hops < 32; hops += 1) {
    const { $ref, ...beside } = at;
    let target = document;
    for (const step of $ref.replace(/^#\//, "").split("/")) {
      target = target?.[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")];
    }
    at = { title: $ref.split("/").at(-1), ...(target ?? {}), ...beside };
  }
  return at;
}

/** Follow references and take apart `X | null`: { schema, nullable }. */
export function settle(document, schema) {
  let at = follow(document, schema);
  if (at.allOf?.length === 1) at = { ...follow(document, at.allOf[0]), ...without(at, "allOf") };
  if (Array.isArray(at.type) && at.type.includes("null")) {
    const type = at.type.filter((name) => name !== "null");
    return { schema: { ...at, type: type.length === 1 ? type[0] : type }, nullable: true };
  }
  const arms = at.anyOf ?? at.oneOf;
  if (!arms) return { schema: at, nullable: false };
  const real = arms.filter((arm) => follow(document, arm).type !== "null");
  if (real.length === arms.length) return { schema: at, nullable: false };
  const rest = without(at, "anyOf", "oneOf");
  if (real.length > 1) return { schema: { ...rest, anyOf: real }, nullable: true };
  return { schema: { ...settle(document, real[0]).schema, ...rest }, nullable: true };
}

/** Which control fits: image, audio, video, file, enum, boolean, integer, number, string or json. */
export function kindOf(document, schema) {
  const { schema: at } = settle(document, schema);
  const media = mediaKind(document, schema);
  if (media) return media;
  if (at.enum || "const" in at) return "enum";
  if (["boolean", "integer", "number", "string"].includes(at.type)) return at.type;
  return "json";
}

/** image, audio, video or file where a schema stands for media, else null. */
export function mediaKind(document, schema) {
  const { schema: at } = settle(document, schema);
  const said = at["x-hotplate-kind"];
  if (said && said !== "json") return said;
  const named = MEDIA.exec(at.title ?? "")?.[1].toLowerCase();
  if (at.type === "string") return isBinary(at) ? ofType(at.contentMediaType) ?? named ?? "file" : null;
  const arms = at.anyOf ?? at.oneOf;
  if (arms) { // Image, or its base64, or its URL: three spellings of one thing
    const kinds = arms.filter((arm) => !isUrl(follow(document, arm))).map((arm) => mediaKind(document, arm));
    return kinds.length && kinds.every(Boolean) ? kinds.find((kind) => kind !== "file") ?? "file" : null;
  }
  const data = at.properties?.data;
  if (!data) return null;
  const forms = (data.anyOf ?? data.oneOf ?? [data]).map((arm) => follow(document, arm));
  const binary = forms.find(isBinary);
  return binary ? named ?? ofType(binary.contentMediaType) ?? "file" : null;
}

const isUrl = (schema) => Object.keys(schema.properties ?? {}).join() === "url";
const isBinary = (schema) => schema.format === "binary" || schema.format === "byte"
  || Boolean(schema.contentEncoding) || Boolean(schema.contentMediaType);

/** image, audio or video for a content type of that family, else null. */
export const ofType = (contentType) => /^(image|audio|video)\//.exec(contentType ?? "")?.[1] ?? null;

/** A type as a short text: integer, Detection[], "fast" | "slow", { [key]: number }. */
export function typeText(document, schema, depth = 0) {
  const { schema: at, nullable } = settle(document, schema);
  const text = bare(document, at, depth);
  return nullable ? `${text} | null` : text;
}

function bare(document, at, depth) {
  if (at.enum) return at.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in at) return JSON.stringify(at.const);
  const media = mediaKind(document, at);
  if (media) return /^[A-Z]/.test(at.title ?? "") && at.properties ? at.title : media[0].toUpperCase() + media.slice(1);
  const arms = at.anyOf ?? at.oneOf;
  if (arms) return arms.map((arm) => typeText(document, arm, depth)).join(" | ");
  if (at.type === "array") {
    if (at.prefixItems) return `[${at.prefixItems.map((item) => typeText(document, item, depth)).join(", ")}]`;
    const item = at.items ? typeText(document, at.items, depth) : "any";
    return item.includes(" | ") ? `(${item})[]` : `${item}[]`;
  }
  if (at.properties) return depth > 0 && at.title ? at.title : "object";
  if (at.type === "object") {
    const of = typeof at.additionalProperties === "object" ? typeText(document, at.additionalProperties, depth + 1) : "any";
    return `{ [key]: ${of} }`;
  }
  if (Array.isArray(at.type)) return at.type.join(" | ");
  return at.type ?? "any";
}

const BOUNDS = [
  ["minimum", "at least"], ["exclusiveMinimum", "more than"], ["maximum", "at most"], ["exclusiveMaximum", "less than"],
  ["multipleOf", "a multiple of"], ["minLength", "characters: at least"], ["maxLength", "characters: at most"],
  ["minItems", "items: at least"], ["maxItems", "items: at most"], ["pattern", "matches"], ["format", "format:"],
];

/** What a schema allows, as a short text. */
export function bounds(document, schema) {
  const { schema: at } = settle(document, schema);
  return BOUNDS.filter(([key]) => at[key] !== undefined && at[key] !== "binary")
    .map(([key, words]) => `${words} ${at[key]}`).join(", ");
}

/** A value that fits a schema: its default or first example where it has one. */
export function example(document, schema, depth = 0) {
  const { schema: at, nullable } = settle(document, schema);
  for (const value of [at.default, at.examples?.[0], at.example, at.const, at.enum?.[0]]) {
    if (value !== undefined) return value;
  }
  if (mediaKind(document, at)) return at.type === "string" ? "" : { data: "" };
  if (at.anyOf || at.oneOf) return example(document, (at.anyOf ?? at.oneOf)[0], depth);
  if (depth > 6) return null;
  switch (at.type) {
    case "integer": case "number": return at.minimum ?? 0;
    case "boolean": return false;
    case "string": return "";
    case "array":
      if (at.prefixItems) return at.prefixItems.map((item) => example(document, item, depth + 1));
      return at.items && !nullable ? [example(document, at.items, depth + 1)] : [];
    default: break;
  }
  const required = new Set(at.required ?? []);
  return Object.fromEntries(Object.entries(at.properties ?? {}).filter(([name]) => required.has(name))
    .map(([name, value]) => [name, example(document, value, depth + 1)]));
}

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
