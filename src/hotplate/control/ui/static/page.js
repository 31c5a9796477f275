// What every page has: parts that change by themselves, times as people say them, charts, copying, forms that keep what was typed.

import { copyOnClick } from "./copying.js";
import { drawCharts } from "./chart.js";
import { sendForms } from "./forms.js";
import { follow } from "./live.js";
import { sayTimes } from "./times.js";

sayTimes(document);
drawCharts(document);
copyOnClick();
sendForms();
if (document.querySelector("[id^=live_]") && !document.querySelector("[data-follows]")) follow(location.href);
// Rows of links that are wider than a phone begin where one is.
for (const here of document.querySelectorAll(".rail nav [aria-current], .tabs [aria-current]")) {
  const row = here.parentElement;
  row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}
