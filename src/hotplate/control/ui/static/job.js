// The result of a job, shown as the answer of a call is; fetched once the job has ended.

import { answerPanel } from "./answer.js";
import { through } from "./tunnel.js";

const place = document.getElementById("result");
const { call, path, proof, status } = place.dataset;
const ENDED = ["completed", "failed", "dead", "cancelled"];
const panel = answerPanel();
let asked = false;

async function show() {
  const state = document.querySelector("#live_job .pill")?.textContent.trim();
  if (ENDED.includes(state) && !ENDED.includes(status)) return location.reload(); // other buttons fit now
  if (asked || !["completed", "failed"].includes(state)) return;
  asked = true;
  place.hidden = false;
  place.append(panel.node);
  panel.wait();
  const started = performance.now();
  try {
    await panel.show(await through(call, proof, { method: "GET", path }), started);
  } catch (error) {
    panel.fail(error.message);
  }
}

new MutationObserver(show).observe(document.getElementById("live_job"), { childList: true, subtree: true });
show();
