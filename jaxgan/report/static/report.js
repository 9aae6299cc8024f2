"use strict";
// Sliders of pictures, and curves drawn by uPlot, which all zoom together.
(() => {
  for (const viewer of document.querySelectorAll(".viewer")) {
    const slider = viewer.querySelector("input");
    if (!slider) continue;
    const frames = viewer.querySelectorAll("img[data-label]");
    slider.addEventListener("input", () => {
      frames.forEach((frame, i) => { frame.hidden = i !== slider.valueAsNumber; });
      const label = frames[slider.valueAsNumber].dataset.label;
      viewer.querySelector("output").textContent = label;
      slider.setAttribute("aria-valuetext", label);
    });
  }

  const source = document.getElementById("plots");
  if (!source) return;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (v) => v == null ? "" :
    v !== 0 && (Math.abs(v) >= 1e6 || Math.abs(v) < 1e-3) ? v.toExponential(2) : String(+v.toPrecision(5));
  const ticks = (_, values) => values.map((v) => v == null ? "" :
    v !== 0 && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3) ? v.toExponential(0) : String(+v.toPrecision(6)));
  const shown = [];
  let isZooming = false;

  // All plots show the same steps; a range of nothing shows everything.
  const zoom = (from, to) => {
    if (isZooming) return;
    isZooming = true;
    for (const one of shown) {
      const min = from ?? one.first, max = to ?? one.last;
      one.plot.setScale("x", min < max ? { min, max } : { min: min - 0.5, max: max + 0.5 });
    }
    isZooming = false;
  };

  // The nearest point of a curve that has none at the cursor's step.
  const nearest = (plot, series, at) => {
    const values = plot.data[series];
    for (let far = 0; far < values.length; far++) {
      if (values[at - far] != null) return at - far;
      if (values[at + far] != null) return at + far;
    }
    return at;
  };

  // A constant is in the middle, whatever its size; there may be no number at all.
  const limits = (_, min, max) => min == null ? [0, 1] : min !== max ? uPlot.rangeNum(min, max, 0.1, true) :
    [min - (Math.abs(min) || 1) / 2, max + (Math.abs(max) || 1) / 2];

  const seriesOf = (line, numPoints) => {
    const isEdge = line.kind === "low" || line.kind === "high";
    return {
      label: line.kind,
      stroke: () => color(`--c${line.curve % 8}`),
      width: isEdge ? 0 : line.kind === "pale" ? 0.7 : 1.6,
      alpha: line.kind === "pale" ? 0.35 : 1,
      points: { show: !isEdge && numPoints <= 30, size: 5 },
    };
  };

  const bandsOf = (lines) => lines.flatMap((line, i) => line.kind !== "low" ? [] : [{
    series: [i + 2, i + 1],
    fill: () => color(`--c${line.curve % 8}`) + "30",
  }]);

  const draw = (panel, spec) => {
    const box = panel.querySelector(".plot");
    const keys = [...panel.querySelectorAll(".legend button")];
    const data = uPlot.join(spec.tables);
    const axis = { stroke: () => color("--pale"), grid: { stroke: () => color("--line"), width: 1 }, ticks: { show: false } };
    const read = (plot) => {
      const at = plot.cursor.idx;
      panel.querySelector(".step").textContent = at == null ? "" : `step ${plot.data[0][at]}`;
      spec.lines.forEach((line, i) => {
        if (line.kind !== "plain" && line.kind !== "pale") return;
        const index = plot.cursor.idxs[i + 1];
        keys[line.curve].querySelector("output").textContent = at == null || index == null ? "" : short(plot.data[i + 1][index]);
      });
    };
    const plot = new uPlot({
      width: box.clientWidth, height: 220, legend: { show: false },
      cursor: {
        dataIdx: nearest, y: false, points: { show: false }, drag: { x: true, y: false },
        sync: { key: "steps", setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
      },
      scales: { x: { time: false }, y: spec.log ? { distr: 3 } : { range: limits } },
      axes: [{ ...axis, size: 32 }, { ...axis, size: 56, values: ticks }],
      series: [{}, ...spec.lines.map((line) => seriesOf(line, spec.num_points))],
      bands: bandsOf(spec.lines),
      hooks: {
        setCursor: [read],
        setScale: [(one, name) => { if (name === "x") zoom(one.scales.x.min, one.scales.x.max); }],
      },
    }, data, box);
    keys.forEach((key, number) => key.addEventListener("click", () => {
      const isOn = key.getAttribute("aria-pressed") !== "true";
      key.setAttribute("aria-pressed", isOn);
      spec.lines.forEach((line, i) => { if (line.curve === number) plot.setSeries(i + 1, { show: isOn }); });
    }));
    box.addEventListener("dblclick", () => zoom(null, null));
    box.addEventListener("keydown", (event) => {
      const { min, max } = plot.scales.x;
      const step = (max - min) / 4;
      const ranges = { "+": [min + step, max - step], "=": [min + step, max - step], "-": [min - 2 * step, max + 2 * step],
        ArrowLeft: [min - step, max - step], ArrowRight: [min + step, max + step], "0": [null, null] };
      if (!(event.key in ranges) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      zoom(...ranges[event.key]);
    });
    new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: 220 })).observe(box);
    shown.push({ plot, first: data[0][0], last: data[0][data[0].length - 1] });
  };

  isZooming = true;
  const specs = JSON.parse(source.textContent);
  for (const panel of document.querySelectorAll(".panel")) draw(panel, specs[panel.dataset.plot]);
  isZooming = false;
  const first = Math.min(...shown.map((one) => one.first)), last = Math.max(...shown.map((one) => one.last));
  for (const one of shown) Object.assign(one, { first, last });
  zoom(null, null);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown.forEach((one) => one.plot.redraw(false, true)));
  // For tests, and for whoever looks closer in the console.
  window.plots = shown.map((one) => one.plot);
  document.documentElement.dataset.drawn = shown.length;
})();
