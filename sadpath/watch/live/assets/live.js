// The chart and the figures, for any service that is watched: asks again and again, and draws what it is told.
"use strict";
const page = JSON.parse(document.getElementById("page").textContent);
const element = (id) => document.getElementById(id);
const number = (value, digits = 0) => value.toLocaleString("en", {maximumFractionDigits: digits});
const reader = Math.random().toString(36).slice(2);  // so that the end of a load waits for this page
const POLL_MS = 600;  // with a sample each second, what happens is on the screen within two

const bytes = (value) => {
  const size = Math.abs(value);
  if (size >= 2 ** 20) return `${number(value / 2 ** 20, 1)} MiB`;
  return size >= 1024 ? `${number(value / 1024, 1)} KiB` : `${number(value)} B`;
};
const seconds = (value) => value < 120 ? `${number(value)} s` : `${number(value / 60)} min`;
const until = (value) => {
  if (value == null) return "no limit";
  if (typeof value === "number") return seconds(value);
  return value === "measuring" ? "measuring …" : value;
};
// What stands in each place, from an arm's figures.
const SHOWN = {
  memory: (arm) => arm.is_down ? "down" : arm.memory_mib == null ? "–" : `${number(arm.memory_mib)} MiB`,
  grown: (arm) => arm.is_down || arm.grown_mib == null ? "" : `${arm.grown_mib < 0 ? "−" : "+"}${number(Math.abs(arm.grown_mib))}`,
  until: (arm) => arm.memory_mib == null && !arm.is_down ? "–" : until(arm.until),
  bytes_per_request: (arm) => arm.bytes_per_request == null ? "measuring …" : bytes(arm.bytes_per_request),
  entries: (arm) => arm.entries == null ? "unknown" : number(arm.entries),
  requests: (arm) => arm.requests == null ? "–" : number(arm.requests),
  p99_ms: (arm) => arm.p99_ms == null ? "–" : `${number(arm.p99_ms)} ms`,
  restarts: (arm) => `${arm.kills}, ${arm.restarts - arm.kills}`,
};

const showFigures = (arms) => {
  for (const [name, arm] of Object.entries(arms)) {
    const card = document.querySelector(`[data-arm="${CSS.escape(name)}"]`);
    for (const [figure, words] of Object.entries(SHOWN)) {
      card.querySelector(`[data-figure="${figure}"]`).textContent = words(arm);
    }
    const errors = card.querySelector('[data-figure="errors"]');
    errors.replaceChildren(...arm.errors.slice(0, 2).map(([error, entries]) => {
      const line = document.createElement("li");
      line.textContent = `${error}: ${number(entries)} entries`;
      return line;
    }));
  }
};

// The chart is drawn by Vega, whose script comes after the page; until then the figures stand alone.
let view = null;
let drawing = null;
const embed = async () => {
  const spec = page.specs[document.documentElement.dataset.theme];
  view = (await vegaEmbed("#chart", spec, {actions: false, renderer: "canvas", tooltip: false, logLevel: 1})).view;
};
const draw = async (state) => {
  if (typeof vegaEmbed === "undefined" || element("chart").hidden) return;
  drawing ??= embed();
  await drawing;
  view.data(page.data.rows, state.rows).data(page.data.marks, state.marks);
  await view.runAsync();
};
const redraw = () => { drawing = null; if (last) draw(last); };

const phase = (state) => {
  if (state.state === "waiting") return "Waiting for the load …";
  if (state.state === "ended") return `The load has ended after ${seconds(state.elapsed_s)}`;
  const warming = state.phase === "warm-up" ? ", warm-up: both take the fixed path" : "";
  return `${seconds(state.elapsed_s)} of load${page.arms.length > 1 ? warming : ""}`;
};

let last = null;
let lost = 0;
const listeners = [];  // of the stage: each gets every state
const say = (words, isLost) => {
  const place = element("state");
  place.classList.toggle("lost", isLost);
  if (place.textContent !== words) place.textContent = words;
};
const show = async (state) => {
  if (last && state.run !== last.run) ending.forget();
  last = state;
  say(phase(state), false);
  showFigures(state.arms);
  for (const listener of listeners) listener(state);
  await draw(state);
  if (state.has_ending) await ending.fetch();
};
const askState = async () => {
  const answer = await fetch(`sadpath/rows?reader=${reader}`, {cache: "no-store"});
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
};
const poll = async () => {
  let state = null;
  try {
    state = await askState();
    lost = 0;
  } catch (error) {
    lost ||= Date.now();
    const since = Math.round((Date.now() - lost) / 1000);
    if (!ending.known) say(`No answer from Locust for ${since} s: trying again. These are the last samples.`, true);
  }
  try {
    if (state) await show(state);
  } finally {
    setTimeout(poll, POLL_MS);
  }
};

// The ending is fetched while Locust still answers, and is complete without it: its files are kept in the page.
const ending = {
  known: false,
  forget() {
    this.known = false;
    element("ending").hidden = true;
    if (typeof showPanel !== "undefined") showPanel("chart");
  },
  async fetch() {
    if (this.known) return;
    const result = await (await fetch(`sadpath/ending?reader=${reader}`)).json();
    const [report, picture] = await Promise.all(["report.html", "memory.png"].map(async (name) =>
      URL.createObjectURL(await (await fetch(`sadpath/${name}?reader=${reader}`, {cache: "no-store"})).blob())));
    this.known = true;
    const title = document.createElement("h2");
    title.textContent = `The verdict: ${result.headline}`;
    const verdicts = result.verdicts.map((verdict) => {
      const line = document.createElement("p");
      line.className = "verdict";
      line.style.setProperty("--colour", getComputedStyle(
        document.querySelector(`[data-arm="${CSS.escape(verdict.arm)}"]`)).getPropertyValue("--colour"));
      line.textContent = `${verdict.arm} ${verdict.sentence}`;
      return line;
    });
    const files = document.createElement("p");
    files.className = "files";
    files.append(link("Open the report", report), link("Download the report", report, "sadpath-report.html"),
      link("Download the picture", picture, "sadpath-memory.png"));
    const image = document.createElement("img");
    image.src = picture;
    image.alt = `Memory against requests: ${result.headline}`;
    element("ending").replaceChildren(title, ...verdicts, files, image);
    showPanel("ending");
  },
};
const link = (words, address, download) => {
  const one = document.createElement("a");
  one.textContent = words;
  one.href = address;
  if (download) one.download = download; else one.target = "_blank";
  return one;
};

// What is shown in the place of the chart: one of the panels at a time.
const PANELS = ["chart", "code", "cause", "ending"];
let panel = "chart";
const panelListeners = [];
const showPanel = (name) => {
  panel = name;
  for (const one of PANELS) element(one).hidden = one !== name;
  for (const listener of panelListeners) listener(name);
  if (name === "chart") redraw();
};

element("theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("sadpath-theme", root.dataset.theme);
  redraw();
});
