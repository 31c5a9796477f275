// Times as people say them: "12 s ago". The moment itself is in the title.

const STEPS = [["d", 86400], ["h", 3600], ["min", 60]];

/** How long ago a moment is. */
export function ago(at, now = Date.now()) {
  const seconds = Math.max(0, (now - at) / 1000);
  for (const [unit, size] of STEPS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  return seconds < 3 ? "just now" : `${Math.floor(seconds)} s ago`;
}

/** Say every time below a node, now and from now on. */
export function sayTimes(root) {
  for (const node of root.querySelectorAll("time[data-ago]")) {
    const at = Date.parse(node.dateTime);
    if (Number.isNaN(at)) continue;
    node.title ||= new Date(at).toLocaleString();
    const text = ago(at);
    if (node.textContent !== text) node.textContent = text;
  }
}

setInterval(() => { if (!document.hidden) sayTimes(document); }, 5000);
