// What can be done on the page, each with a key, and the speaker's script: as the server describes it.
"use strict";
const KEYS = [
  ["→", "the next act of the script", () => step(1)],
  ["←", "the act before; nothing is undone", () => step(-1)],
  ["c", "show the code", () => toggle("code")],
  ["o", "show the cause: the object, its raises and its chain", () => toggle("cause")],
  ["g", "show the chart (graph)", () => showPanel("chart")],
  ["n", "open the speaker notes in a second window", () => openNotes()],
  ["t", "dark or light", () => element("theme").click()],
  ["?", "this list", () => element("keys").showModal()],
];
const ONLY_ON_A_STAGE = ["→", "←", "c", "o", "n"];
const channel = new BroadcastChannel("sadpath");
const isNotes = new URLSearchParams(location.search).has("notes");
const hasStage = page.actions.length > 0;

const toggle = (name) => showPanel(panel === name ? "chart" : name);

// Returns whether it was done; if not, the reason stands beside the field, or at the end of the controls.
const ask = async (name, value) => {
  let answer, said;
  try {
    answer = await fetch("sadpath/do", {
      method: "POST",
      headers: {"Content-Type": "application/json", "X-Sadpath-Token": page.token},
      body: JSON.stringify({name, value}),
    });
    said = await answer.json();
  } catch (error) {
    showRefusal("Locust does not answer; nothing was done.");
    return false;
  }
  showRefusal(answer.ok ? "" : said.message, said.field);
  if (answer.ok && said.stage) showStage({stage: said.stage});
  return answer.ok;
};
const showRefusal = (words, field) => {
  for (const place of document.querySelectorAll(".refused")) place.textContent = "";
  const place = document.querySelector(`[data-refused="${CSS.escape(field || "")}"]`) ?? document.querySelector('[data-refused=""]');
  place.textContent = words;
};
// One action after the other, also where the arrow is pressed faster than an arm can follow.
let before = Promise.resolve();
const act = (name, button, value) => {
  before = before.then(async () => {
    button?.setAttribute("aria-busy", "true");
    await ask(name, value);
    button?.removeAttribute("aria-busy");
  });
  return before;
};

// The controls: a button for each action, a number for each field, and the panels.
const buttons = {};
const makeControls = () => {
  const form = element("controls");
  for (const one of page.actions) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.action = one.name;
    button.innerHTML = "<span></span><kbd></kbd>";
    button.firstChild.textContent = one.label;
    button.lastChild.textContent = one.key;
    button.addEventListener("click", () => act(one.name, button));
    buttons[one.name] = button;
    KEYS.push([one.key, one.label, () => act(one.name, button)]);
    form.append(button);
  }
  for (const [name, key, label] of [["code", "c", "the code"], ["cause", "o", "the cause"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.innerHTML = `<span>${label}</span><kbd>${key}</kbd>`;
    button.addEventListener("click", () => toggle(name));
    panelListeners.push((shown) => button.setAttribute("aria-pressed", String(shown === name)));
    form.append(button);
  }
  for (const one of page.choices.filter((choice) => choice.options.length)) form.append(makeChoice(one));
  for (const one of page.fields) form.append(makeField(one));
  const apply = document.createElement("button");
  apply.textContent = "set";
  const refused = document.createElement("span");
  refused.className = "refused";
  refused.dataset.refused = "";
  refused.setAttribute("role", "alert");
  form.append(apply, refused);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const one of page.fields) {
      const input = element(`field-${one.name}`);
      if (input.value !== input.dataset.now && !await ask(one.name, input.value)) return input.focus();
    }
  });
};
const makeChoice = (one) => {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.id = `field-${one.name}`;
  for (const [value, words] of one.options) select.add(new Option(value, value));
  const titles = Object.fromEntries(one.options);
  select.addEventListener("change", () => act(one.name, null, select.value));
  select.addEventListener("mouseover", () => { select.title = titles[select.value]; });
  label.append(one.label, select);
  return label;
};
const makeField = (one) => {
  const label = document.createElement("label");
  label.append(one.label);
  const input = document.createElement("input");
  input.id = `field-${one.name}`;
  input.inputMode = "decimal";
  input.title = `${number(one.low, 1)} to ${number(one.high)} ${one.unit}`;
  const refused = document.createElement("span");
  refused.className = "refused";
  refused.dataset.refused = one.name;
  refused.setAttribute("role", "alert");
  label.append(input, one.unit, refused);
  return label;
};
const showStage = ({stage}) => {
  if (!stage) return;
  for (const one of page.fields) {
    const input = element(`field-${one.name}`);
    const now = String(stage[one.name]);
    if (document.activeElement !== input || input.value === input.dataset.now) input.value = now;
    input.dataset.now = now;
  }
  for (const one of page.choices) {
    const select = element(`field-${one.name}`);
    if (select && document.activeElement !== select) select.value = stage[one.name];
  }
  element("about").textContent = stage.about || page.arms.join(" and ");
  for (const [name, button] of Object.entries(buttons)) {
    const words = stage.labels?.[name];
    if (words) button.firstChild.textContent = words;
    button.disabled = stage.possible?.[name] === false;
  }
};

// The code, and the cause, which is asked for again while it is shown.
const showCode = async () => {
  const place = element("code");
  const codes = await (await fetch("sadpath/code", {cache: "no-store"})).json();
  if (!Array.isArray(codes)) return place.replaceChildren(codes?.message ?? "There is no code to show for this service.");
  const title = document.createElement("h2");
  title.textContent = "The code: the marked lines are the whole difference";
  const both = document.createElement("div");
  both.className = "both";
  codes.forEach((code, index) => {
    const side = document.createElement("section");
    side.style.setProperty("--colour", ["#d55e00", "#0072b2"][index]);
    side.innerHTML = "<h3></h3><pre tabindex=0></pre><p></p><p class=muted></p>";
    side.children[0].textContent = code.variant;
    side.children[1].innerHTML = code.html;  // made by Pygments on the server, which escapes the source
    side.children[2].textContent = code.why;
    side.children[3].textContent = `${code.file}:${code.line}`;
    both.append(side);
  });
  place.replaceChildren(title, both);
};
const text = (tag, words, name) => {
  const one = document.createElement(tag);
  one.textContent = words;
  if (name) one.className = name;
  return one;
};
const showCause = async () => {
  const place = element("cause");
  const cause = await (await fetch("sadpath/cause", {cache: "no-store"})).json();
  if (!cause?.chain) return place.replaceChildren(text("h2", cause?.message ?? "No exception object retains anything now."));
  const object = document.createElement("div");
  const sites = cause.raise_sites.slice(0, 3).map((site) =>
    text("div", `raised at ${site.file}:${site.line}, in ${site.function}`));
  object.append(text("div", "one exception object", "muted"), text("b", cause.error), text("div", `of the class ${cause.type}`),
    text("div", number(cause.entries), "big"), text("div", "traceback entries, each with a frame"),
    text("div", `${bytes(cause.estimated_bytes)} retained, estimated`), ...sites);
  object.className = "object";
  const chain = document.createElement("ol");
  const shown = cause.chain.slice(0, perRaise(cause)).slice(-14);
  for (const entry of shown) {
    const line = document.createElement("li");
    if (!entry.file.includes("starlette") && !entry.file.includes("fastapi")) line.className = "own";
    const frame = document.createElement("div");
    frame.className = "frame";
    frame.append(text("code", entry.function), text("span", ` ${entry.file}:${entry.line} `, "muted"));
    if (entry.local_names.includes("context")) frame.append(text("span", "context = the request's data", "data"));
    if (entry.callers.length) frame.append(text("span", ` f_back: ${entry.callers.slice(0, 2).join(" ← ")}`, "muted"));
    line.append(frame);
    chain.append(line);
  }
  const right = document.createElement("div");
  right.append(text("div", "Its __traceback__, the newest raise first: every box is a frame that cannot be freed", "muted"), chain,
    text("div", `… and ${number(Math.max(cause.entries - shown.length, 0))} entries of the raises before, each linked by tb_next`, "muted"));
  const left = document.createElement("div");
  const canvas = document.createElement("canvas");
  left.append(object, text("div", "Each square is one raise that is still retained:", "muted"), canvas);
  const columns = document.createElement("div");
  columns.className = "columns";
  columns.append(left, right);
  place.replaceChildren(text("h2", "The cause: one object, raised again and again"), columns);
  drawRaises(canvas, cause.entries / perRaise(cause));
};
const perRaise = (cause) => {
  const first = cause.chain[0];
  const again = cause.chain.findIndex((entry, index) => index && entry.function === first.function && entry.file === first.file && entry.line === first.line);
  return again > 0 ? again : cause.chain.length;
};
const drawRaises = (canvas, raises) => {
  const scale = devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = canvas.clientHeight * scale;
  const context = canvas.getContext("2d");
  let size = 10;
  const room = () => Math.floor(canvas.clientWidth / size) * Math.floor(canvas.clientHeight / size);
  while (size > 2 && room() < raises) size -= 1;
  const columns = Math.floor(canvas.clientWidth / size);
  context.scale(scale, scale);
  context.fillStyle = "#d55e00";
  for (let index = 0; index < Math.min(raises, room()); index += 1) {
    context.fillRect((index % columns) * size, Math.floor(index / columns) * size, size - 1, size - 1);
  }
};
panelListeners.push((name) => {
  if (name === "code") showCode();
  if (name === "cause") showCause();
});
listeners.push((state) => {
  showStage(state);
  if (panel === "cause") showCause();
});

// The script: each act has words for the audience, notes for the speaker, and something that it does.
let current = Math.min(Number(sessionStorage.getItem("sadpath-act") ?? -1), page.acts.length - 1);
const step = async (by) => {
  const next = Math.max(0, Math.min(current + by, page.acts.length - 1));
  const moved = next !== current;
  current = next;
  sessionStorage.setItem("sadpath-act", current);
  showAct();
  if (!moved || by < 0) return;
  const does = page.acts[current].does;
  if (does === "ending" && !ending.known) {
    showPanel("chart");
    await act("stop", buttons.load);  // the ending shows itself, once it is there
  } else if (PANELS.includes(does)) showPanel(does);
  else {
    showPanel("chart");
    await act(does, buttons[does]);
  }
};
const showAct = () => {
  const one = page.acts[current];
  element("act-title").textContent = one ? `${current + 1}/${page.acts.length}  ${one.title}` : "The script";
  element("act-words").textContent = one ? one.words : "Press → to begin, n for the speaker notes, ? for all keys.";
  element("back").disabled = current <= 0;
  element("next").disabled = current >= page.acts.length - 1;
  channel.postMessage({act: current});
};
const openNotes = () => window.open("?notes", "sadpath-notes", "width=960,height=640");

const showNotes = () => {
  document.body.classList.add("notes");
  element("notes").hidden = false;
  const began = Date.now();
  const show = (index) => {
    const one = page.acts[index];
    const next = page.acts[index + 1];
    element("notes-title").textContent = one ? `${index + 1}. ${one.title}` : "Before the first act";
    element("notes-words").textContent = one ? `On the screen: ${one.words}` : "";
    element("notes-text").textContent = one ? one.notes : "Press → here or in the other window.";
    element("notes-next").textContent = next ? `Next: ${next.title}` : "This is the last act.";
  };
  channel.onmessage = ({data}) => "act" in data && show(data.act);
  setInterval(() => {
    const passed = Math.floor((Date.now() - began) / 1000);
    element("notes-clock").textContent = `${Math.floor(passed / 60)}:${String(passed % 60).padStart(2, "0")}`;
  }, 500);
  addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") channel.postMessage({step: 1});
    if (event.key === "ArrowLeft") channel.postMessage({step: -1});
  });
  show(-1);
  channel.postMessage({hello: true});
};

const start = () => {
  if (hasStage) makeControls();
  const known = KEYS.filter(([key]) => hasStage || !ONLY_ON_A_STAGE.includes(key));
  for (const [key, words] of known) element("keys").querySelector("dl").append(text("dt", key), text("dd", words));
  document.querySelector("footer").hidden = !hasStage;
  element("help").addEventListener("click", () => element("keys").showModal());
  element("back").addEventListener("click", () => step(-1));
  element("next").addEventListener("click", () => step(1));
  addEventListener("keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey || element("keys").open) return;
    const name = {ArrowRight: "→", ArrowLeft: "←"}[event.key] ?? event.key;
    const found = known.find(([key]) => key === name);
    if (!found) return;
    event.preventDefault();
    found[2]();
  });
  channel.onmessage = ({data}) => {
    if (data.step) step(data.step);
    if (data.hello) channel.postMessage({act: current});
  };
  addEventListener("resize", () => view?.resize().runAsync());
  if (hasStage) showAct();
  poll();
};
if (isNotes) showNotes(); else start();
