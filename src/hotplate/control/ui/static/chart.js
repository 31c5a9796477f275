// Draws the numbers of a figure as lines over time. The figure's data-chart has them; it is drawn anew when its width changes.

const NS = "http://www.w3.org/2000/svg";
const LEFT = 40;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 20;
const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => draw(target.parentElement)));

/** Draw every chart below a node that is not drawn yet. */
export function drawCharts(root) {
  for (const figure of root.querySelectorAll("figure[data-chart]")) {
    const plot = figure.querySelector(".plot");
    if (plot.childElementCount) continue;
    draw(figure);
    resized.observe(plot);
  }
}

function make(tag, attributes, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function draw(figure) {
  const plot = figure?.querySelector(".plot");
  if (!plot?.clientWidth) return;
  const chart = JSON.parse(figure.dataset.chart);
  const width = plot.clientWidth;
  const height = plot.clientHeight;
  const values = chart.series.flatMap(({ values: each }) => each).filter((value) => value !== null);
  const top = ceiling(Math.max(0, ...values), chart.unit === "");
  const x = (at) => LEFT + ((at - chart.begin) / (chart.end - chart.begin)) * (width - LEFT - RIGHT);
  const y = (value) => height - BOTTOM - (value / top) * (height - TOP - BOTTOM);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words(chart) });
  for (const share of [0, 0.5, 1]) {
    svg.append(make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(top * share), y2: y(top * share) }),
      make("text", { x: LEFT - 6, y: y(top * share) + 4, "text-anchor": "end" }, short(top * share)));
  }
  for (const share of [0, 1 / 3, 2 / 3, 1]) {
    const at = chart.begin + share * (chart.end - chart.begin);
    svg.append(make("text", { x: x(at), y: height - 4, "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" }, clock(at)));
  }
  for (const { values: each, colour } of chart.series) svg.append(series(chart, each, colour, x, y, height - BOTTOM));
  if (!values.length) svg.append(make("text", { class: "none", x: (width + LEFT) / 2, y: height / 2, "text-anchor": "middle" }, "nothing yet"));
  plot.replaceChildren(svg);
  if (values.length) point(figure, svg, chart, x, height);
}

function series(chart, values, colour, x, y, bottom) {
  const group = make("g", { class: `key-${colour}` });
  if (chart.kind === "dot") {
    values.forEach((value, index) => { if (value !== null) group.append(make("circle", { class: "dot", cx: x(chart.times[index]), cy: y(value), r: 3.5 })); });
    return group;
  }
  for (const run of runs(chart.times, values)) {
    const places = run.flatMap(([at, value], index) => {
      const here = `${x(at).toFixed(1)},${y(value).toFixed(1)}`;
      return chart.kind === "step" && index ? [`${x(at).toFixed(1)},${y(run[index - 1][1]).toFixed(1)}`, here] : [here];
    });
    const line = `M${places.join("L")}`;
    const [first, last] = [run[0][0], run.at(-1)[0]];
    if (run.length === 1) group.append(make("circle", { class: "dot", cx: x(first), cy: y(run[0][1]), r: 2 }));
    group.append(make("path", { class: "area", d: `${line}L${x(last).toFixed(1)},${bottom}L${x(first).toFixed(1)},${bottom}Z` }), make("path", { class: "line", d: line }));
  }
  return group;
}

/** Stretches without a gap: a line is not drawn through what nobody has seen. */
function runs(times, values) {
  const found = [];
  let last = -Infinity;
  times.forEach((at, index) => {
    if (values[index] === null) { last = -Infinity; return; }
    if (at - last > 25) found.push([]);
    found.at(-1).push([at, values[index]]);
    last = at;
  });
  return found;
}

/** Follow the pointer with the values under it. */
function point(figure, svg, chart, x, height) {
  const cross = make("line", { class: "cross", y1: TOP, y2: height - BOTTOM, visibility: "hidden" });
  svg.append(cross);
  const hide = () => { cross.setAttribute("visibility", "hidden"); figure.querySelector(".tip")?.remove(); };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = event.clientX - box.left;
    const index = chart.times.reduce((best, time, each) => (Math.abs(x(time) - at) < Math.abs(x(chart.times[best]) - at) ? each : best), 0);
    const place = x(chart.times[index]);
    cross.setAttribute("x1", place);
    cross.setAttribute("x2", place);
    cross.setAttribute("visibility", "visible");
    const tip = figure.querySelector(".tip") ?? figure.appendChild(document.createElement("div"));
    tip.className = "tip";
    tip.replaceChildren(...[clock(chart.times[index], true), ...chart.series.map(({ name, values }) => `${name}: ${values[index] === null ? "–" : short(values[index])}${chart.unit && ` ${chart.unit}`}`)]
      .map((text) => Object.assign(document.createElement("div"), { textContent: text })));
    const room = figure.clientWidth - tip.offsetWidth - 8;
    Object.assign(tip.style, { left: `${Math.min(place + 28, room)}px`, top: "2.4rem" });
  });
}

/** A round number at or above a value; of things that are counted, one that has a half. */
function ceiling(value, counted) {
  if (counted && value <= 10) return Math.max(2, 2 * Math.ceil(value / 2));
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((each) => each * size).find((each) => each >= value);
}

function short(value) {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(1)} M`;
  if (value >= 1e4) return `${+(value / 1e3).toFixed(1)} k`;
  return String(+value.toFixed(value < 1 ? 2 : value < 100 ? 1 : 0));
}

const clock = (at, seconds = false) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false, ...(seconds && { second: "2-digit" }) });

/** The chart in words, for those who cannot see it. */
function words({ title, unit, series: all }) {
  return `${title}: ${all.map(({ name, values }) => `${name} ${values.length && values.at(-1) !== null ? short(values.at(-1)) : "none"} ${unit}`.trim()).join(", ")} now`;
}
