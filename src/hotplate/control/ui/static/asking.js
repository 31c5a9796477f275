// Asks this dashboard for something as a script: errors come back as JSON, and never as an exception.

/** Give the JSON of an answer; of an error { detail, errors, status } and, for the form, a new proof. */
export async function fetchJson(address, options = {}) {
  try {
    const response = await fetch(address, { ...options, headers: { accept: "application/json", ...options.headers }, credentials: "same-origin" });
    const proof = response.headers.get("x-hotplate-form");
    if (response.status === 401) location.reload();
    const value = await response.json();
    return response.ok ? value : { ...value, proof };
  } catch (error) {
    return { detail: `No answer: ${error.message}. Is it still running?` };
  }
}
