// The slider: what a threshold promises, and the pictures nearest to it.

import { badge, fill, look, make, notice, number, refresh, send, texts, trouble } from "./common.js";

/** Pictures on each side of the line. */
const NEAR = 6;
const LOOKED_AT = 300;

const byId = (id) => document.getElementById(id);
const place = () => byId("threshold");
/** Parts of the version in use that have pictures and scores. */
let parts = [];
/** The threshold before the last one that was applied. */
let before;

const percent = (share) => `${number(100 * share, 1)}\u00a0%`;

function rate(count, all, intervals) {
  if (!all) return [texts.unknown];
  const [low, high] = intervals[count];
  const words = { n: count, all, low: percent(low), high: percent(high) };
  return [percent(count / all), make("small", "", fill(texts.interval, words))];
}

function show() {
  const steps = JSON.parse(place().dataset.steps);
  const index = Number(byId("line").value);
  const threshold = steps.thresholds[index];
  const inUse = Number(place().dataset.inUse);
  const x = (600 * index) / (steps.thresholds.length - 1);
  const line = place().querySelector("line.chosen");
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
  byId("chosen").textContent = number(threshold, 3);
  byId("line").setAttribute("aria-valuetext", number(threshold, 3));
  byId("alarms").replaceChildren(...rate(steps.alarms[index], steps.good, steps.alarm_intervals));
  byId("found").replaceChildren(...rate(steps.found[index], steps.bad, steps.found_intervals));
  const words = { n: steps.unjust[index], all: steps.marked_good };
  byId("unjust").textContent = words.all ? fill(texts.of_all, words) : texts.unknown;
  const apply = place().querySelector("[data-do=apply]");
  if (apply) {
    apply.disabled = index === nearest(steps, inUse);
    place().querySelector("[data-do=undo]").hidden = before === undefined;
  }
  showNear(threshold);
}

function nearest({ thresholds }, threshold) {
  const apart = thresholds.map((value) => Math.abs(value - threshold));
  return apart.indexOf(Math.min(...apart));
}

function showNear(threshold) {
  const above = parts.filter((part) => part.score > threshold);
  const below = parts.filter((part) => part.score <= threshold);
  above.sort((a, b) => a.score - b.score);
  below.sort((a, b) => b.score - a.score);
  fillSide("near-bad", above, "bad", threshold);
  fillSide("near-good", below, "good", threshold);
}

function fillSide(id, near, verdict, threshold) {
  const shown = near.slice(0, NEAR).map((part) => {
    const image = make("img");
    Object.assign(image, { src: `/api/v1/parts/${encodeURIComponent(part.id)}/frame.jpg`, alt: "" });
    const share = fill(texts.of_threshold, { n: number((100 * part.score) / threshold, 0) });
    const caption = make("figcaption", "", badge(verdict), make("span", "change", share));
    if (part.mark) {
      const mark = make("span", "mark", texts[`marked_${part.mark.mark}`]);
      mark.dataset.mark = part.mark.mark;
      caption.append(mark);
    }
    return make("li", "", make("figure", "", image, caption));
  });
  const list = byId(id);
  // The same pictures are left as they are.
  const key = JSON.stringify([threshold, near.slice(0, NEAR).map((part) => part.id)]);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...(shown.length ? shown : [make("li", "hint", texts.no_near)]));
}

/** Null is the model's own. */
async function set(threshold, undoing) {
  const inUse = Number(place().dataset.inUse);
  try {
    await send(`PUT /api/v1/recipes/${encodeURIComponent(place().dataset.recipe)}/threshold`, { threshold });
    before = undoing ? undefined : inUse;
    notice(texts.done);
  } catch (error) {
    trouble(error, () => set(threshold, undoing));
  }
  await refresh(["threshold"]);
  show();
}

document.addEventListener("input", (event) => event.target.id === "line" && show());
document.addEventListener("click", (event) => {
  const what = event.target.closest("[data-do]")?.dataset.do;
  const { thresholds } = JSON.parse(place().dataset.steps);
  if (what === "apply") set(thresholds[Number(byId("line").value)], false);
  if (what === "undo") set(before, true);
  if (what === "model") set(null, false);
});

show();
const { recipe, version } = place().dataset;
const query = `recipe=${encodeURIComponent(recipe)}&pictures=true&limit=${LOOKED_AT}`;
const kinds = ["nearest=true", "marked=true"];
const found = await Promise.all(kinds.map((kind) => look(`/api/v1/parts?${query}&${kind}`)));
const byPart = new Map(found.flatMap((some) => some ?? []).map((part) => [part.id, part]));
parts = [...byPart.values()].filter((part) => part.score != null && String(part.version) === version);
show();
