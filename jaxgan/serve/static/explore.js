"use strict";
// Sends what is set, and shows the picture of it; one request at a time, and then the newest only.
(() => {
  const known = JSON.parse(document.getElementById("known").textContent);
  const get = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const picture = get("picture"), status = get("status"), seed = get("seed"), label = get("label");
  const truncated = get("truncated"), samples = all(".sample"), sliders = all("input[type=range]");
  const layers = all("[data-layer]"), codes = all("[data-code]");
  const picks = {
    start: { seed: known.seed, number: 0 },
    end: { seed: known.seed, number: known.numSamples > 1 ? 1 : 0 },
  };
  const one = (group) => sliders.find((slider) => slider.dataset.group === group);

  const say = (text, isAlarm) => {
    status.textContent = text;
    status.classList.toggle("alarm", Boolean(isAlarm));
  };

  // What all samples have in common.
  const common = () => ({
    ...(label ? { label: Number(label.value) } : {}),
    ...(truncated?.checked ? { truncation: one("truncation").valueAsNumber } : {}),
  });

  const settings = () => {
    const found = { start: picks.start, ...common() };
    const share = one("share")?.valueAsNumber ?? 0;
    const mixed = layers.filter((box) => box.checked).map((box) => Number(box.dataset.layer));
    if (share > 0) found.share = share;
    if (mixed.length) found.layers = mixed;
    if (share > 0 || mixed.length) found.end = picks.end;
    for (const group of ["coordinates", "directions"]) {
      const moved = sliders.filter((slider) => slider.dataset.group === group && slider.valueAsNumber !== 0);
      if (moved.length) found[group] = Object.fromEntries(moved.map((slider) => [slider.dataset.key, slider.valueAsNumber]));
    }
    const set = codes.filter((select) => select.value !== "");
    if (set.length) found.codes = Object.fromEntries(set.map((select) => [select.dataset.code, Number(select.value)]));
    return found;
  };

  const post = async (where, what) => {
    let answer;
    try {
      answer = await fetch(where + location.search, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(what),
      });
    } catch {
      throw new Error("There is no answer: jaxgan explore serve has ended.");
    }
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  };

  const put = async (image, blob) => {
    const old = image.src;
    image.src = URL.createObjectURL(blob);
    await image.decode();
    image.classList.toggle("crisp", image.naturalWidth < 256);
    if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  };

  // What is still to be fetched: the picture comes first, then samples in their order.
  let wanted = null, missing = [], isBusy = false;

  const fetchPicture = async (what) => {
    const start = performance.now();
    const answer = await post("picture", what);
    const server = Number(/dur=([\d.]+)/.exec(answer.headers.get("Server-Timing"))?.[1]);
    await put(picture, await answer.blob());
    const took = performance.now() - start;
    get("took").textContent = `${Math.round(took)} ms (${server.toFixed(1)} at the server)`;
    // For tests and measurements.
    document.documentElement.dataset.took = took;
    document.documentElement.dataset.server = server;
    document.documentElement.dataset.shown = JSON.stringify(what);
    if (status.classList.contains("alarm")) say("");
  };

  const work = async () => {
    if (isBusy) return;
    isBusy = true;
    while (wanted || missing.length) {
      try {
        if (wanted) {
          const what = wanted;
          wanted = null;
          await fetchPicture(what);
        } else {
          const { image, what } = missing.shift();
          await put(image, await (await post("picture", what)).blob());
        }
      } catch (error) {
        missing = [];
        say(error.message, true);
      }
    }
    isBusy = false;
    document.documentElement.dataset.idle = Number(document.documentElement.dataset.idle || 0) + 1;
  };

  const describe = (pick) => `seed ${pick.seed}, sample ${pick.number}`;

  const draw = () => {
    for (const slider of sliders) {
      slider.nextElementSibling.textContent = String(Number(slider.valueAsNumber.toFixed(2)));
    }
    if (truncated) one("truncation").disabled = !truncated.checked;
    wanted = settings();
    const share = wanted.share ? `, ${Math.round(100 * wanted.share)} % of the way to ${describe(picks.end)}` : "";
    const name = label ? `, class ${label.selectedOptions[0].text}` : "";
    const psi = wanted.truncation === undefined ? "" : `, ψ ${wanted.truncation}`;
    get("what").textContent = picture.alt = `${describe(picks.start)}${share}${name}${psi}`;
    if (get("ends")) get("ends").textContent = `A: ${describe(picks.start)}. B: ${describe(picks.end)}.`;
    work();
  };

  const drawSamples = () => {
    const shown = Number(seed.value);
    samples.forEach((button, number) => {
      const is = (pick) => pick.seed === shown && pick.number === number;
      button.setAttribute("aria-pressed", is(picks.start));
      button.querySelector("span").textContent =
        [is(picks.start) ? "A" : "", is(picks.end) && samples.length > 1 ? "B" : ""].join("");
    });
  };

  const fetchSamples = () => {
    missing = samples.map((button, number) => ({
      image: button.querySelector("img"),
      what: { start: { seed: Number(seed.value), number }, ...common() },
    }));
  };

  const redrawAll = () => { drawSamples(); fetchSamples(); draw(); };

  const goTo = (value) => {
    seed.value = value;
    picks.start = { seed: value, number: picks.start.number };
    redrawAll();
  };

  const clear = (where) => {
    for (const slider of sliders) if (where.contains(slider)) slider.value = slider.defaultValue;
    for (const box of layers) if (where.contains(box)) box.checked = false;
    for (const select of codes) if (where.contains(select)) select.value = "";
  };
  const clearAll = () => {
    clear(document);
    if (truncated) truncated.checked = false;
  };

  // Settings as a saved picture has them; what is not right in them, the server says.
  const restore = (found) => {
    clearAll();
    for (const name of ["start", "end"]) {
      if (found[name]) picks[name] = { seed: Number(found[name].seed), number: Number(found[name].number) };
    }
    seed.value = picks.start.seed;
    if (label && found.label !== undefined) label.value = found.label;
    if (truncated && found.truncation !== undefined) {
      truncated.checked = true;
      one("truncation").value = found.truncation;
    }
    if (one("share")) one("share").value = found.share ?? 0;
    for (const box of layers) box.checked = (found.layers ?? []).includes(Number(box.dataset.layer));
    for (const select of codes) select.value = found.codes?.[select.dataset.code] ?? "";
    for (const slider of sliders) {
      const value = found[slider.dataset.group]?.[slider.dataset.key];
      if (value !== undefined) slider.value = value;
    }
    redrawAll();
  };

  for (const slider of sliders) slider.addEventListener("input", () => {
    if (slider.dataset.group === "truncation") fetchSamples();
    draw();
  });
  for (const box of layers) box.addEventListener("change", draw);
  for (const select of codes) select.addEventListener("change", draw);
  for (const input of [label, truncated]) input?.addEventListener("change", redrawAll);
  for (const button of all(".reset")) button.addEventListener("click", () => { clear(button.closest("fieldset")); draw(); });
  get("reset").addEventListener("click", () => { clearAll(); redrawAll(); });
  seed.addEventListener("change", () => {
    const value = seed.valueAsNumber;
    if (Number.isInteger(value) && seed.validity.valid) goTo(value);
    else { seed.value = picks.start.seed; say("A seed is a whole number from 0 to 2147483647.", true); }
  });
  get("another").addEventListener("click", () => goTo(Math.floor(Math.random() * 2 ** 31)));
  samples.forEach((button, number) => button.addEventListener("click", () => {
    const which = document.querySelector("input[name=picks]:checked")?.value ?? "start";
    picks[which] = { seed: Number(seed.value), number };
    drawSamples();
    draw();
  }));
  get("save").addEventListener("click", async () => {
    try {
      const { saved } = await (await post("save", settings())).json();
      say(`Saved: ${saved}`);
    } catch (error) {
      say(error.message, true);
    }
  });
  get("open").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    try {
      const saved = JSON.parse(await file.text()).settings;
      if (!saved?.start) throw new Error("no settings");
      restore(saved);
      say(`Opened: ${file.name}`);
    } catch {
      say(`${file.name} has no settings; it must be the .json beside a saved picture.`, true);
    }
    event.target.value = "";
  });
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  redrawAll();
})();
