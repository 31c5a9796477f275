// The form that makes an endpoint: routes to functions, and the same as a command and as hotplate.yaml while one types.

const form = document.getElementById("create");
const list = document.getElementById("routes");
const copyButtons = [...document.querySelectorAll(".same [data-copy]")];

const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
const value = (name) => form.elements.namedItem(name).value.trim();
const read = (node) => (node.type === "checkbox" ? node.checked : node.value.trim());
const keys = (root) => Object.fromEntries([...root.querySelectorAll("[data-key]")].map((node) => [node.dataset.key, read(node)]));

/** The routes of the form, as `--route` takes them. */
function routes() {
  return [...list.children].map((node) => {
    const parameters = node.querySelector(".parameters");
    const body = [...parameters.children].map((row) => {
      const { name, type, optional, default_value: preset } = keys(row);
      return optional ? { name, type, optional, default_value: preset || "None" } : { name, type };
    });
    const own = Object.fromEntries([...node.querySelectorAll("[data-key]")].filter((each) => !parameters.contains(each)).map((each) => [each.dataset.key, read(each)]));
    const { path, verb, file, function: name, positional } = own;
    return { path, verb, file, function: name, positional, body };
  });
}

/** The words after `hotplate deploy`; control runs the same. */
function words() {
  const source = form.elements.namedItem("source").value;
  const git = value("git");
  const found = source === "git" ? ["--model", git.startsWith("git+") || git.split("://")[0].includes("@") ? git : `git+${git}`] : [source === "folder" ? value("folder") || "PATH" : "PROJECT"];
  for (const [name, flag] of [["name", "--name"], ["min_replicas", "--min-replicas"], ["max_replicas", "--max-replicas"], ["instance_type", "--hardware"]]) {
    if (value(name)) found.push(flag, value(name));
  }
  if (form.elements.namedItem("visibility").checked) found.push("--visibility", "public");
  for (const line of value("env_overrides").split("\n")) if (line.trim()) found.push("--env", line.trim());
  for (const box of form.querySelectorAll("[name=container_secrets]:checked")) found.push("--secrets", box.value);
  for (const route of routes()) found.push("--route", JSON.stringify(route));
  return found;
}

/** The routes and settings as the project file has them. */
function yaml() {
  const found = [];
  const text = (item) => (typeof item === "string" && !/^[\w./-]+$/.test(item) ? JSON.stringify(item) : String(item));
  if (value("name")) found.push(`name: ${text(value("name"))}`);
  if (value("instance_type")) found.push(`hardware: ${text(value("instance_type"))}`);
  if (value("min_replicas")) found.push(`min-replicas: ${value("min_replicas")}`);
  if (value("max_replicas")) found.push(`max-replicas: ${value("max_replicas")}`);
  const all = routes();
  if (all.length) found.push("routes:");
  for (const { body, ...own } of all) {
    Object.entries(own).forEach(([key, item], index) => found.push(`${index ? "   " : "  -"} ${key}: ${text(item)}`));
    found.push(body.length ? "    body:" : "    body: []");
    for (const parameter of body) Object.entries(parameter).forEach(([key, item], index) => found.push(`${index ? "       " : "      -"} ${key}: ${text(item)}`));
  }
  return found.join("\n");
}

function refresh() {
  const source = form.elements.namedItem("source").value;
  form.querySelectorAll("[data-source]").forEach((node) => { node.hidden = node.dataset.source !== source; });
  const all = routes();
  form.elements.namedItem("routes").value = all.length ? JSON.stringify(all) : "";
  const pieces = words().map(shell);
  const lines = pieces.reduce((made, word) => { if (word.startsWith("--")) made.push(word); else made[made.length - 1] += ` ${word}`; return made; }, ["hotplate deploy"]);
  const command = lines.join(" \\\n  ");
  document.getElementById("command").textContent = command;
  const written = yaml();
  document.getElementById("as-yaml").hidden = !written;
  document.getElementById("yaml").textContent = written;
  copyButtons.forEach((button, index) => { button.dataset.copy = [command, written][index]; });
}

const grown = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

document.getElementById("add-route").addEventListener("click", () => {
  const route = grown("route");
  list.append(route);
  route.querySelector("[data-key=path]").focus();
  refresh();
});

list.addEventListener("click", ({ target }) => {
  const action = target.closest("[data-do]")?.dataset.do;
  const route = target.closest(".route");
  if (action === "add") {
    const row = grown("parameter");
    route.querySelector(".parameters").append(row);
    row.querySelector("input").focus();
  } else if (action === "remove") target.closest(".parameter").remove();
  else if (action === "remove-route") route.remove();
  if (action) refresh();
});

list.addEventListener("change", ({ target }) => {
  if (target.dataset.key === "optional") target.closest(".parameter").querySelector("[data-key=default_value]").disabled = !target.checked;
});

form.addEventListener("input", refresh);
form.addEventListener("change", refresh);
refresh();
