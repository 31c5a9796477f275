// Sends forms without leaving the page, so that what was typed is still there when something in it is wrong.

import { fetchJson } from "./asking.js";

/** Take over every form that posts, but those that say data-plain. */
export function sendForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("data-plain") || event.defaultPrevented) return;
    event.preventDefault();
    if (form.dataset.sure && !confirm(form.dataset.sure)) return;
    const buttons = [...form.querySelectorAll("button")];
    buttons.forEach((button) => { button.disabled = true; });
    complain(form, null);
    const data = new FormData(form, event.submitter);
    const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    const answer = await fetchJson(form.action, { method: "POST", body });
    if (answer.go) return location.assign(answer.go);
    buttons.forEach((button) => { button.disabled = false; });
    const proof = form.elements.namedItem("csrf");
    if (proof && answer.proof) proof.value = answer.proof;
    complain(form, answer);
  });
}

function complain(form, problem) {
  form.querySelectorAll("[aria-invalid]").forEach((node) => node.removeAttribute("aria-invalid"));
  let place = form.querySelector(".wrong");
  if (!place && problem) {
    place = document.createElement("p");
    place.className = "wrong";
    place.setAttribute("role", "alert");
    form.prepend(place);
  }
  if (!place) return;
  place.textContent = problem?.detail ?? "";
  const names = (problem?.errors ?? []).map((each) => each.loc?.slice(1).join(".")).filter(Boolean);
  const wrong = names.map((name) => form.elements.namedItem(name) ?? form.elements.namedItem(name.split(".")[0])).filter((node) => node?.focus);
  wrong.forEach((node) => node.setAttribute("aria-invalid", "true"));
  (wrong[0] ?? (problem && place))?.scrollIntoView?.({ block: "center" });
  wrong[0]?.focus();
}
