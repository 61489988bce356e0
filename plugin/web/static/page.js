// Everything here only makes quicker what the pages do without it. No request goes anywhere but to this node.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Pages that tell how things stand load their content again, unless somebody is in the middle of something there.
function refreshes(main) {
  setInterval(async () => {
    const busy = main.contains(document.activeElement) && document.activeElement !== main;
    if (document.hidden || busy) return;
    const answer = await fetch(location.pathname, { headers: { "x-refreshes": "1" } }).catch(() => null);
    if (answer === null) return;
    if (answer.redirected) { location.assign("/login"); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (answer.ok && fresh !== null) main.replaceChildren(...fresh.childNodes);
  }, Number(main.dataset.refresh) * 1000);
}

// Layers that are switched on and off, and zoomed together. The scale is in pixels of the screen for one of the picture.
function viewer(section) {
  const layers = find("[data-layers]", section), canvas = find(".canvas", section), told = find("[data-scale]", section);
  const images = all("img[data-layer]", section);
  let scale = 0;  // 0: as large as fits

  function natural() { return images.find((image) => image.naturalWidth > 0); }

  function drawn() {
    const first = natural();
    if (!first) return;
    const fitted = Math.min(1, (canvas.parentElement.clientWidth - 2) / first.naturalWidth);
    const now = scale || fitted;
    layers.classList.add("sized");
    for (const image of images) {
      image.width = Math.round(first.naturalWidth * now);
      image.height = Math.round(first.naturalHeight * now);
    }
    layers.style.width = `${Math.round(first.naturalWidth * now)}px`;
    layers.style.height = `${Math.round(first.naturalHeight * now)}px`;
    told.textContent = `${Math.round(now * 100)} %`;
    section.dataset.drawn = String(now);
  }

  function zoom(how) {
    const first = natural();
    if (!first) return;
    const now = scale || Math.min(1, (canvas.parentElement.clientWidth - 2) / first.naturalWidth);
    scale = how === "0" ? 0 : how === "full" ? 1 : Math.min(16, Math.max(0.05, how === "1" ? now * 1.5 : now / 1.5));
    drawn();
  }

  function toggle(kind) {
    const button = find(`button[data-layer="${kind}"]`, section), image = images.find((each) => each.dataset.layer === kind);
    if (!button) return;
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    image.hidden = !on;
    // The two twins lie in one place: the one that is wanted takes it.
    const other = { sick: "healthy", healthy: "sick" }[kind];
    const beside = other && images.find((each) => each.dataset.layer === other);
    if (on && beside && !beside.hidden) toggle(other);
    layers.classList.toggle("base-hidden", images.every((each) => each.hidden || !["sick", "healthy"].includes(each.dataset.layer)));
    drawn();
  }

  for (const button of all("button[data-layer]", section)) button.addEventListener("click", () => toggle(button.dataset.layer));
  for (const button of all("button[data-zoom]", section)) button.addEventListener("click", () => zoom(button.dataset.zoom));
  for (const image of images) { image.addEventListener("load", drawn); image.style.position = "absolute"; image.style.left = "0"; image.style.top = "0"; }
  window.addEventListener("resize", drawn);
  section.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const kind = { 1: "sick", 2: "healthy", 3: "map", 4: "mask" }[event.key];
    if (kind) toggle(kind);
    else if (event.key === "+" || event.key === "=") zoom("1");
    else if (event.key === "-") zoom("-1");
    else if (event.key === "0") zoom("0");
    else return;
    event.preventDefault();
  });
  drawn();
}

// The held photograph: loaded when a reviewer asks for it, which the node writes down, with boxes over what held it.
function held(link) {
  const canvas = find("[data-held]"), image = find("[data-photograph]"), trouble = find("[data-trouble]");
  const boxes = find("svg.boxes"), button = find("[data-boxes]"), full = find("[data-zoom-original]");
  let large = false;

  function drawn() {
    if (!image.naturalWidth) return;
    const scale = large ? 1 : Math.min(1, (canvas.parentElement.clientWidth - 2) / image.naturalWidth);
    image.width = Math.round(image.naturalWidth * scale);
    if (!boxes) return;
    boxes.setAttribute("viewBox", `0 0 ${image.naturalWidth} ${image.naturalHeight}`);
    boxes.setAttribute("width", image.width);
    boxes.setAttribute("height", Math.round(image.naturalHeight * scale));
    boxes.replaceChildren(...boxes.dataset.places.split(";").filter(Boolean).map((place) => {
      const [left, top, right, bottom] = place.split(",").map(Number);
      const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [name, value] of [["x", left], ["y", top], ["width", right - left], ["height", bottom - top]]) box.setAttribute(name, value);
      return box;
    }));
  }

  function show() {
    if (!canvas.hidden) { canvas.hidden = true; image.removeAttribute("src"); link.textContent = "Show the photograph"; return; }
    canvas.hidden = false;
    trouble.hidden = true;
    image.src = link.href;
    link.textContent = "Hide the photograph";
  }

  link.addEventListener("click", (event) => { event.preventDefault(); show(); });
  image.addEventListener("load", () => { find(".layers", canvas).classList.add("sized"); drawn(); });
  image.addEventListener("error", () => { if (image.getAttribute("src")) { canvas.hidden = true; trouble.hidden = false; } });
  full.addEventListener("click", () => { large = !large; full.setAttribute("aria-pressed", String(large)); drawn(); });
  if (button) button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    boxes.toggleAttribute("hidden", !on);
  });
  window.addEventListener("resize", drawn);
  return { show, boxes: () => button && button.click() };
}

// The list of what is held, by keyboard.
function list(table) {
  const rows = all("tbody tr", table);
  let at = -1;
  function go(to) {
    if (!rows.length) return;
    if (at >= 0) rows[at].classList.remove("here");
    at = Math.min(Math.max(to, 0), rows.length - 1);
    rows[at].classList.add("here");
    find("[data-open]", rows[at]).focus();
  }
  const everything = find("[data-all]", table);
  const boxes = () => all("input[name=entry]", table);
  if (everything) everything.addEventListener("change", () => boxes().forEach((box) => { box.checked = everything.checked; }));
  return {
    j: () => go(at + 1),
    k: () => go(at - 1),
    x: () => { const box = at >= 0 && find("input[name=entry]", rows[at]); if (box) box.checked = !box.checked; },
    a: () => { if (everything) everything.click(); },
  };
}

// A row of a long table is hidden where it does not say what is looked for.
function filters(input) {
  const rows = all("tbody tr", document.getElementById(input.dataset.find));
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

const main = document.getElementById("main");
const keys = {};
if (main.dataset.refresh) refreshes(main);
for (const section of all("[data-viewer]")) viewer(section);
for (const input of all("input[data-find]")) filters(input);
const table = find("[data-list]");
if (table) Object.assign(keys, list(table));
const original = find("[data-original]");
if (original) { const shown = held(original); keys.o = shown.show; keys.b = shown.boxes; }
for (const link of all("a[data-key]")) keys[link.dataset.key] = () => link.click();
const reason = find("[data-reason]"), sure = find("[data-sure]");
if (reason) keys.r = () => reason.focus();
if (sure) keys.d = () => sure.focus();
document.addEventListener("keydown", (event) => {
  const writes = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && writes) { event.target.blur(); return; }
  if (writes || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});
