// The gallery: a part opened, looked at from all sides, and marked.

import { badge, fill, make, number, texts, trouble } from "./common.js";
import { boxed } from "./box.js";
import { drawHeatmap } from "./heatmap.js";
import { isFinal, mark, unsent } from "./marks.js";

const SVG = "http://www.w3.org/2000/svg";
const viewer = document.getElementById("viewer");
const find = (selector) => viewer.querySelector(selector);
const doing = (what) => find(`[data-do=${what}]`);
const operates = viewer.hasAttribute("data-operates");
const [frame, map, boxes, title] = [find(".frame"), find(".map"), find(".boxes"), find("#viewer-title")];
const box = boxed(find(".stage"), find(".box"), (area) => say("bad", area));

/** All that are shown, in their order. */
const tiles = [...document.querySelectorAll("[data-part]")];
const shown = (tile) => JSON.parse(tile.dataset.part);
let open;

function show(tile) {
  open = tile;
  const { part, region, time } = shown(tile);
  title.textContent = `${part.camera} · ${time}`;
  find("#viewer-verdict").replaceChildren(badge(part.verdict));
  showPictures(part, region);
  showTerms(part);
  showMark(part);
  const at = tiles.indexOf(tile);
  doing("previous").disabled = at === 0;
  doing("next").disabled = at === tiles.length - 1;
  if (!viewer.open) viewer.showModal();
}

async function showPictures(part, region) {
  const address = `/api/v1/parts/${encodeURIComponent(part.id)}`;
  frame.hidden = !part.pictures;
  find(".stage .empty").hidden = part.pictures;
  [frame.width, frame.height] = part.size;
  // A tall picture fits the window as well.
  find(".stage").style.maxWidth = `calc(80dvh * ${part.size[0] / part.size[1]})`;
  map.width = 0;
  boxes.replaceChildren(...part.regions.map(({ x, y, w, h }) => outline(part.size, x, y, w, h)));
  if (!part.pictures) return frame.removeAttribute("src");
  frame.alt = `${title.textContent}: ${texts[part.verdict]}`;
  frame.src = `${address}/frame.jpg`;
  const [left, top, width, height] = region.map((share) => `${100 * share}%`);
  Object.assign(map.style, { left, top, width, height });
  const canvas = document.createElement("canvas");
  const drawn = await drawHeatmap(canvas, `${address}/map.png`);
  if (!drawn || shown(open).part.id !== part.id) return;
  [map.width, map.height] = [canvas.width, canvas.height];
  map.getContext("2d").drawImage(canvas, 0, 0);
}

function outline([width, height], x, y, w, h) {
  const rect = document.createElementNS(SVG, "rect");
  const shares = { x: x / width, y: y / height, width: w / width, height: h / height };
  for (const [name, share] of Object.entries(shares)) rect.setAttribute(name, share);
  return rect;
}

function showTerms(part) {
  const terms = [];
  const add = (name, value) => value != null && terms.push(make("div", "", make("dt", "", name), make("dd", "", value)));
  add(texts.reason, part.reason);
  if (part.score != null) {
    const share = fill(texts.of_threshold, { n: number((100 * part.score) / part.threshold, 0) });
    add(texts.score, `${number(part.score, 3)} (${share})`);
    add(texts.threshold, number(part.threshold, 3));
    add(texts.of_range, number(part.normalized, 2));
  }
  if (part.drift != null) add(texts.drift, number(part.drift, 2));
  add(texts.frames_judged, number(part.frames, 0));
  add(texts.latency, `${number(part.latency_ms, 0)} ms`);
  add(texts.recipe, `${part.recipe}, ${fill(texts.version, { n: part.version })}`);
  find("#viewer-terms").replaceChildren(...terms);
  const regions = part.regions.map(({ x, y, w, h, score }, index) =>
    make("li", "", fill(texts.region, { n: index + 1, x, y, w, h, peak: number(score, 2) })),
  );
  find("#viewer-regions").replaceChildren(...(regions.length ? regions : [make("li", "", texts.no_regions)]));
}

/** What is said of the part: here and not stored yet, or as it is stored. */
function said(part) {
  return unsent(part.id) ?? part.mark ?? { mark: null, area: null };
}

function showMark(part, status, isBad = false) {
  const { mark: word, area, by, time } = said(part);
  const hadFocus = document.activeElement === find(".box");
  box.show(area ?? null);
  const text = word ? texts[`marked_${word}`] : texts.unmarked;
  const when = by && time ? fill(texts.marked_by, { mark: text, by, time: new Date(time).toLocaleString() }) : text;
  find("#viewer-mark").textContent = status ?? when;
  find("#viewer-mark").className = isBad ? "error" : "";
  if (!operates) return;
  for (const which of ["good", "bad"]) doing(which).ariaPressed = String(word === which);
  doing("unmark").disabled = !word;
  doing("unbox").hidden = !area;
  doing("box").hidden = Boolean(area);
  if (hadFocus && !area) doing("box").focus();
}

/** Marks the open part; null takes the mark away. */
async function say(word, area = word === "bad" ? box.area() : null) {
  if (!operates || !open) return;
  const tile = open;
  const id = shown(tile).part.id;
  const now = { mark: word, area };
  const isOpen = () => viewer.open && open === tile;
  const storing = mark(id, now);
  showMark(shown(tile).part, texts.storing);
  const text = texts[word ? `marked_${word}` : "unmarked"];
  try {
    if (!(await storing)) return;
    stored(id, now);
    if (isOpen()) showMark(shown(tile).part, fill(texts.stored, { mark: text }));
  } catch (error) {
    const why = error.message;
    if (isOpen()) showMark(shown(tile).part, fill(isFinal(error) ? texts.failed : texts.kept, { why }), true);
    if (isFinal(error)) trouble(error, () => isOpen() && say(word, area));
  }
}

/** The server has it: so shows the gallery. */
function stored(id, { mark: word, area }) {
  const tile = document.getElementById(`part-${id}`);
  if (!tile) return;
  const what = shown(tile);
  what.part.mark = word ? { mark: word, area } : undefined;
  tile.dataset.part = JSON.stringify(what);
  const label = tile.querySelector(".mark");
  label.dataset.mark = word ?? "";
  label.textContent = texts[word ? `marked_${word}` : "unmarked"];
  if (tile === open && viewer.open) showMark(what.part, fill(texts.stored, { mark: label.textContent }));
}
document.addEventListener("marked", (event) => stored(event.detail.id, event.detail));

function step(by) {
  const next = tiles[tiles.indexOf(open) + by];
  if (next) show(next);
}

/** For those without a pointer: around the largest region, or in the middle. */
function addBox() {
  const { part } = shown(open);
  const [width, height] = part.size;
  const [{ x, y, w, h } = {}] = part.regions;
  const area = x === undefined ? [0.4, 0.4, 0.2, 0.2] : [x / width, y / height, w / width, h / height];
  box.show(area);
  find(".box").focus();
  say("bad", area);
}

const deeds = {
  previous: () => step(-1),
  next: () => step(1),
  close: () => viewer.close(),
  good: () => say("good"),
  bad: () => say("bad"),
  unmark: () => say(null),
  box: addBox,
  unbox: () => say("bad", null),
  heatmap: () => (map.hidden = !doing("heatmap").checked),
  regions: () => boxes.toggleAttribute("hidden", !doing("regions").checked),
  opacity: () => (map.style.opacity = Number(doing("opacity").value) / 100),
};

viewer.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) deeds[button.dataset.do]();
});
viewer.addEventListener("input", (event) => deeds[event.target.dataset.do]?.());
viewer.addEventListener("close", () => open?.focus());

const KEYS = { g: "good", b: "bad", u: "unmark", ArrowLeft: "previous", ArrowRight: "next" };
document.addEventListener("keydown", (event) => {
  if (!viewer.open || event.ctrlKey || event.altKey || event.metaKey) return;
  // The arrows of a slider are its own.
  if (event.target.type === "range" && event.key.startsWith("Arrow")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "h") doing("heatmap").click();
  else if (KEYS[key]) deeds[KEYS[key]]();
  else return;
  event.preventDefault();
});

for (const tile of tiles) tile.addEventListener("click", () => show(tile));
deeds.opacity();
const asked = document.getElementById(location.hash.slice(1));
if (tiles.includes(asked)) show(asked);
