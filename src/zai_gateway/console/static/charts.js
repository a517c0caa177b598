// Charts of usage, drawn by uPlot of the tables under them; in the reader's theme, and by keys as by pointer.
"use strict";

(() => {
  const HOUR = 3600000;
  const STEPS = {
    hour: [1, 2, 3, 6, 12, 24, 48].map((hours) => hours * 3600),
    day: [1, 2, 7, 14, 28, 56, 84, 168].map((days) => days * 86400),
  };
  const NUMBER = /[^0-9.-]/g;
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const exactHour = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const exactDay = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeZone: "UTC" });
  const shownDay = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
  const axisHour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const axisNight = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const axisDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
  const drawn = new Map();

  // Days are those of UTC, hours the reader's own.
  const axisTime = (step) => (_, splits) => splits.map((seconds) => {
    const moment = new Date(seconds * 1000);
    if (step !== HOUR) return axisDay.format(moment);
    return moment.getHours() === 0 ? axisNight.format(moment) : axisHour.format(moment);
  });

  const read = (text) => (text === "-" ? null : Number(text.replace(NUMBER, "")));

  const units = {
    usd: (value) => (value === 0 ? "$0" : value >= 1000 ? `$${short.format(value)}` : `$${Number(value.toPrecision(3))}`),
    count: (value) => short.format(value),
    ms: (value) => (value >= 1000 ? `${Number((value / 1000).toPrecision(3))} s` : `${value} ms`),
  };

  // Every span of the time, with what the table has of it: spans in which nothing was booked have no row.
  const spans = (figure) => {
    const { step, since, until } = Object.fromEntries(
      ["step", "since", "until"].map((name) => [name, Number(figure.dataset[name])]));
    const rows = new Map();
    for (const row of figure.querySelectorAll("tbody tr")) {
      rows.set(Number(row.querySelector("time").dataset.start), [...row.cells].slice(1).map((cell) => cell.textContent));
    }
    const starts = [];
    for (let start = since - (since % step); start < until; start += step) starts.push(start);
    return { step, starts, rows };
  };

  const colours = (figure) => [...figure.querySelectorAll(".legend .swatch")].map((swatch) => getComputedStyle(swatch).color);

  const series = (figure, columns, paint) => {
    const stacked = figure.dataset.chart === "stacked";
    const each = columns.map((column, index) => (stacked
      ? { fill: paint[index], stroke: paint[index], width: 0, points: { show: false },
        paths: uPlot.paths.bars({ size: [0.78, 64], radius: 0 }) }
      : { stroke: paint[index], width: 2, dash: column.dashed ? [6, 4] : undefined, spanGaps: true,
        points: { show: column.values.filter((value) => value !== null).length < 3, size: 6 } }));
    return stacked ? each.reverse() : each;
  };

  // Bars stand on each other: the highest is drawn first, and those below it over it.
  const stack = (columns) => {
    const heights = [];
    let below = columns[0].values.map(() => 0);
    for (const column of columns) {
      below = below.map((height, place) => height + (column.values[place] ?? 0));
      heights.unshift(below);
    }
    return heights;
  };

  const tip = (figure, place) => {
    const { starts, rows, step, names } = drawn.get(figure);
    const box = document.createElement("div");
    const when = document.createElement("p");
    when.textContent = step === HOUR ? exactHour.format(starts[place]) : shownDay.format(starts[place]);
    box.append(when);
    const list = document.createElement("ul");
    const cells = rows.get(starts[place]) ?? [];
    const of = cells.map((cell, index) => ({ cell, index })).filter(({ cell }) => cell !== "-");
    const unit = figure.dataset.unit === "ms" ? " ms" : "";
    for (const { cell, index } of of.length ? of : [{ cell: "none", index: names.length }]) {
      const line = document.createElement("li");
      const look = figure.querySelectorAll(".legend .swatch")[index]?.cloneNode();
      const name = document.createElement("span");
      name.textContent = names[index] ?? (of.length ? "All" : "Nothing");
      const value = document.createElement("strong");
      value.textContent = of.length ? `${cell}${unit}` : "";
      line.append(...(look ? [look] : [document.createElement("span")]), name, value);
      list.append(line);
    }
    box.append(list);
    return box;
  };

  const spoken = (figure, place) => {
    const { starts, rows, step, names } = drawn.get(figure);
    const when = step === HOUR ? exactHour.format(starts[place]) : exactDay.format(starts[place]);
    const cells = rows.get(starts[place]) ?? [];
    const told = cells.map((cell, index) => [names[index] ?? "All", cell]).filter(([, cell]) => cell !== "-");
    return `${when}: ${told.map(([name, cell]) => `${name} ${cell}`).join(", ") || "nothing"}`;
  };

  const showTip = (figure, plot) => {
    const place = plot.cursor.idx;
    const box = figure.querySelector(".chart-tip");
    box.hidden = place === null || place === undefined || plot.cursor.left < 0;
    if (box.hidden) return;
    box.replaceChildren(tip(figure, place));
    const over = plot.over;
    const left = over.offsetLeft + plot.valToPos(plot.data[0][place], "x");
    const far = left > plot.width / 2;
    box.style.left = far ? "" : `${Math.round(left + 14)}px`;
    box.style.right = far ? `${Math.round(plot.width - left + 14)}px` : "";
  };

  const draw = (figure) => {
    const place = figure.querySelector("[data-drawn]");
    if (!place) return;
    drawn.get(figure)?.plot.destroy();
    const { step, starts, rows } = spans(figure);
    const swatches = [...figure.querySelectorAll(".legend .swatch")];
    const names = [...figure.querySelectorAll(".legend-name")].map((name) => name.textContent);
    const columns = names.map((_, index) => ({
      dashed: swatches[index].classList.contains("is-dashed"),
      values: starts.map((start) => (rows.has(start) ? read(rows.get(start)[index]) : null)),
    }));
    const stacked = figure.dataset.chart === "stacked";
    const times = starts.map((start) => start / 1000);
    const half = step / 2000;
    const text = getComputedStyle(figure.querySelector(".legend")).color;
    const line = getComputedStyle(figure).borderTopColor;
    const font = `12px ${getComputedStyle(figure).fontFamily}`;
    const axis = { stroke: text, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const plot = new uPlot({
      width: Math.max(place.clientWidth, 200),
      height: 230,
      padding: [12, 22, 0, 0],
      legend: { show: false },
      tzDate: step === HOUR ? undefined : (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !stacked, size: 7 } },
      scales: {
        x: { range: () => [times[0] - half, times.at(-1) + half] },
        y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 30, space: 64, values: axisTime(step), incrs: STEPS[step === HOUR ? "hour" : "day"] },
        { ...axis, size: 54, space: 44, values: (_, splits) => splits.map(units[figure.dataset.unit]) },
      ],
      series: [{}, ...series(figure, columns, colours(figure))],
      hooks: { setCursor: [(self) => { if (drawn.get(figure)?.plot === self) showTip(figure, self); }] },
    }, [times, ...(stacked ? stack(columns) : columns.map((column) => column.values))], place);
    drawn.set(figure, { plot, starts, rows, step, names });
  };

  const move = (figure, to) => {
    const { plot, starts } = drawn.get(figure);
    const place = Math.min(Math.max(to, 0), starts.length - 1);
    plot.setCursor({ left: plot.valToPos(plot.data[0][place], "x"), top: 10 });
    figure.querySelector(".chart-said").textContent = spoken(figure, place);
  };

  const leave = (figure) => {
    drawn.get(figure)?.plot.setCursor({ left: -10, top: -10 });
    figure.querySelector(".chart-tip").hidden = true;
  };

  const keys = { ArrowRight: (at) => at + 1, ArrowLeft: (at) => at - 1, Home: () => 0, End: (_, last) => last };

  const prepare = (figure) => {
    const place = figure.querySelector("[data-drawn]");
    if (!place || figure.dataset.prepared !== undefined) return;
    figure.dataset.prepared = "";
    const box = document.createElement("div");
    box.className = "chart-tip";
    box.hidden = true;
    box.setAttribute("aria-hidden", "true");
    const said = document.createElement("p");
    said.className = "chart-said visually-hidden";
    said.setAttribute("role", "status");
    place.append(box);
    place.after(said);
    place.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave(figure);
      const to = keys[event.key];
      if (!to) return;
      event.preventDefault();
      const { plot, starts } = drawn.get(figure);
      const last = starts.length - 1;
      const at = plot.cursor.left < 0 || plot.cursor.idx === null ? (event.key === "ArrowLeft" ? last + 1 : -1) : plot.cursor.idx;
      move(figure, to(at, last));
    });
    place.addEventListener("blur", () => leave(figure));
    if (Number(figure.dataset.step) === HOUR) {
      for (const time of figure.querySelectorAll("tbody time")) time.textContent = exactHour.format(Number(time.dataset.start));
    }
    draw(figure);
    let width = place.clientWidth;
    new ResizeObserver(() => {
      if (!figure.isConnected || place.clientWidth === width) return;
      width = place.clientWidth;
      drawn.get(figure).plot.setSize({ width: Math.max(width, 200), height: 230 });
    }).observe(place);
  };

  const prepareAll = () => {
    for (const figure of drawn.keys()) if (!figure.isConnected) { drawn.get(figure).plot.destroy(); drawn.delete(figure); }
    for (const figure of document.querySelectorAll("[data-chart]")) prepare(figure);
  };
  const redraw = () => { for (const figure of [...drawn.keys()]) if (figure.isConnected) draw(figure); };

  document.addEventListener("DOMContentLoaded", prepareAll);
  document.addEventListener("htmx:after:swap", prepareAll);
  document.addEventListener("htmx:after:settle", prepareAll);
  document.addEventListener("zai:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
