// Pictures, verdicts and scores of the cameras as they come.

import { badge, fill, look, number, reached, refresh, staying, texts } from "./common.js";
import { showVideo } from "./video.js";
import { pause, showPicture } from "./view.js";

/** At least so long between two pictures of a camera: at most 15 a second. */
const PAUSE_MS = 1000 / 15;
/** Where there is none now. */
const LONG_PAUSE_MS = 500;
const MINUTES = 10;
const BINS = 120;
const BIN_MS = (MINUTES * 60_000) / BINS;
/** A screen reader hears of verdicts at most so often. */
const SPOKEN_MS = 5000;
const SVG = "http://www.w3.org/2000/svg";

const tiles = [...document.querySelectorAll("[data-camera]")];
const cameras = new Map(tiles.map((tile) => [tile.dataset.camera, camera(tile)]));

function camera(tile) {
  const name = tile.dataset.camera;
  const canvas = tile.querySelector(".picture canvas");
  const video = tile.querySelector(".picture video");
  const empty = tile.querySelector(".picture .empty");
  const curve = tile.querySelector(".curve svg");
  /** The highest score of each stretch of time, by its number. */
  const bins = new Map();
  let [verdict, shown, newest, isStale] = [tile.querySelector(".badge").dataset.verdict, undefined, undefined, true];

  const query = `width=${tile.dataset.width}&drawn=true`;
  const isSeen = () => !document.hidden && tile.checkVisibility();
  const status = () => document.getElementById(`state-${name}`).dataset;

  // One picture after the other, each when the one before is there: a slow network gets fewer, not older ones. A
  // stream for each would use up the six connections that a browser has for a server.
  async function pictures() {
    while (!staying.aborted) {
      const begun = performance.now();
      const { state, hasPicture } = status();
      const isWanted = hasPicture !== undefined && (state === "running" || !empty.hidden);
      const isNeeded = isWanted && isSeen() && (video?.hidden ?? true);
      const came = isNeeded && (await showPicture(canvas, name, query));
      await pause(came ? PAUSE_MS - (performance.now() - begun) : LONG_PAUSE_MS);
    }
  }

  // Pictures until it comes, and where it does not.
  async function videos() {
    while (!staying.aborted) {
      const isWanted = isSeen() && status().hasPicture !== undefined;
      if (isWanted && !(await showVideo(video, name, query, isSeen))) return;
      await pause(LONG_PAUSE_MS);
    }
  }

  function add(part) {
    if (newest === undefined || part.seq > newest.seq) newest = part;
    if (part.normalized == null) return;
    const bin = Math.floor(Date.parse(part.time) / BIN_MS);
    const before = bins.get(bin);
    if (!before || before.normalized < part.normalized) bins.set(bin, part);
    isStale = true;
  }

  /** Shows what has come since, and returns what a screen reader should hear. */
  function show() {
    if (isStale) draw();
    isStale = false;
    if (newest === undefined || newest === shown) return undefined;
    shown = newest;
    const changed = verdict !== newest.verdict;
    if (changed) document.getElementById(`badge-${name}`).replaceChildren(badge(newest.verdict));
    verdict = newest.verdict;
    return changed ? fill(texts.announced, { camera: name, verdict: texts[verdict] }) : undefined;
  }

  function draw() {
    const now = Math.floor(Date.now() / BIN_MS);
    for (const bin of bins.keys()) if (bin < now - BINS) bins.delete(bin);
    const points = [...bins].sort(([a], [b]) => a - b);
    const x = (bin) => 300 - ((now - bin) * 300) / BINS;
    const y = (score) => 58 - 56 * Math.min(1, Math.max(0, score));
    const line = element("polyline", {
      points: points.map(([bin, part]) => `${x(bin).toFixed(1)},${y(part.normalized).toFixed(1)}`).join(" "),
    });
    const over = points.filter(([, part]) => part.verdict === "bad");
    const marks = over.map(([bin, part]) =>
      element("line", { class: "over", x1: x(bin), x2: x(bin), y1: 58, y2: y(part.normalized) }),
    );
    curve.replaceChildren(...marks, element("line", { x1: 0, x2: 300, y1: 30, y2: 30 }), line);
    const percent = (part) => number((100 * part.score) / part.threshold, 0);
    const highest = points.reduce((a, b) => (b[1].normalized > a[1].normalized ? b : a), points[0]);
    if (points.length) {
      const words = { now: percent(points.at(-1)[1]), highest: percent(highest[1]) };
      curve.setAttribute("aria-label", fill(texts.score_curve, words));
    }
  }

  look(`/api/v1/parts?camera=${encodeURIComponent(name)}&limit=500`).then((parts) => parts?.forEach(add));
  pictures();
  if (video && window.RTCPeerConnection) videos();
  return { add, show };
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const stream = new EventSource("/api/v1/events/stream");
stream.addEventListener("part", (event) => {
  const part = JSON.parse(event.data);
  cameras.get(part.camera)?.add(part);
});
stream.onopen = () => reached(true);
stream.onerror = () => reached(false);
staying.addEventListener("abort", () => stream.close());

const announcer = document.getElementById("announcer");
const unsaid = new Map();
let spoken = 0;
setInterval(() => {
  if (document.hidden) return;
  for (const [name, one] of cameras) {
    const text = one.show();
    if (text) unsaid.set(name, text);
  }
  if (unsaid.size && performance.now() - spoken > SPOKEN_MS) {
    announcer.textContent = [...unsaid.values()].join(". ");
    unsaid.clear();
    spoken = performance.now();
  }
}, 200);

const changing = [...cameras.keys()].flatMap((name) => [`state-${name}`, `counts-${name}`, `pause-${name}`]);
setInterval(() => document.hidden || staying.aborted || refresh(changing), 2000);
