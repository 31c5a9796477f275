// Carries calls through the dashboard to an endpoint, and gives back the endpoint's own Response.

const EMPTY = new Set([101, 103, 204, 205, 304]);
const encode = (value) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))));
const decode = (text) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))));

/** Send a call. `place` is the tunnel's address, `proof` that of the page; `path` lies below the endpoint. */
export async function through(place, proof, { method, path, headers = {}, body = "", signal }) {
  const outer = await fetch(place, {
    method: "POST", body, signal, credentials: "same-origin",
    headers: { "content-type": "application/octet-stream", "x-hotplate-page": proof, "x-hotplate-call": encode({ method, path, headers }) },
  });
  const packed = outer.headers.get("x-hotplate-answer");
  if (!packed) {
    const problem = await outer.json().catch(() => ({}));
    throw new Error(problem.detail ?? `the dashboard answered ${outer.status}`);
  }
  const { status, reason, headers: all } = decode(packed);
  return new Response(EMPTY.has(status) ? null : outer.body, { status, statusText: reason, headers: all });
}
