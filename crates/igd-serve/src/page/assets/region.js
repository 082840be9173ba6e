// What is inspected is drawn on the picture of a camera, and told to the server as a whole.

import { fill, make, notice, refresh, send, staying, texts, trouble } from "./common.js";
import { boxed } from "./box.js";
import { polygons } from "./polygon.js";
import { pause, showPicture } from "./view.js";

const PAUSE_MS = 500;
const SVG = "http://www.w3.org/2000/svg";
const SOME = [0.2, 0.2, 0.6, 0.6];

const drawing = document.getElementById("drawing");
const { recipe, camera } = drawing.dataset;
const operates = drawing.hasAttribute("data-operates");
const size = JSON.parse(drawing.dataset.size);
const find = (selector) => drawing.querySelector(selector);
const doing = (what) => find(`[data-do=${what}]`);
const [stage, pen, list] = [find(".stage"), find(".pen"), find("#shapes")];

let inspected = JSON.parse(drawing.dataset.inspected);
let [region, shapes, corners] = [null, [], []];
const box = operates && boxed(stage, find(".box"), (area) => change(area, shapes));
const pencil = operates && polygons(pen, (now) => show((corners = now)), add);

const tool = () => find("[name=tool]:checked")?.value;
const shares = ([x, y, w, h]) => [x / size[0], y / size[1], w / size[0], h / size[1]];

/** In pixels, within the frame. */
function pixels([left, top, width, height]) {
  const [x, y] = [Math.round(left * size[0]), Math.round(top * size[1])];
  const [right, bottom] = [Math.round((left + width) * size[0]), Math.round((top + height) * size[1])];
  const [from_x, from_y] = [Math.min(x, size[0] - 1), Math.min(y, size[1] - 1)];
  const length = (from, to, all) => Math.max(1, Math.min(to, all) - from);
  return [from_x, from_y, length(from_x, right, size[0]), length(from_y, bottom, size[1])];
}

function add(points) {
  change(region, [...shapes, { inspect: tool() === "in", points }]);
}

function change(now, nowShapes, isStored = false) {
  [region, shapes] = [now, nowShapes];
  show();
  if (!operates) return;
  doing("apply").disabled = isStored;
  doing("back").disabled = isStored;
}

function polygon({ inspect, points }, className) {
  const made = document.createElementNS(SVG, points.length > 2 ? "polygon" : "polyline");
  made.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  made.setAttribute("class", className ?? (inspect ? "in" : "out"));
  return made;
}

function show() {
  const drawn = shapes.map((shape) => polygon(shape));
  if (corners.length) drawn.push(polygon({ points: corners }, "begun"));
  find(".shapes").replaceChildren(...drawn, ...corners.slice(0, 1).map(start));
  if (operates) box.show(region);
  else showRegion();
  if (!operates) return;
  doing("end").disabled = corners.length < 3;
  doing("drop").disabled = !corners.length;
  const items = shapes.map((shape, index) => {
    const words = { n: index + 1, corners: shape.points.length };
    const remove = make("button", "", texts.remove);
    remove.type = "button";
    remove.ariaLabel = fill(texts.remove_shape, words);
    remove.addEventListener("click", () => {
      change(region, shapes.toSpliced(index, 1));
      (list.querySelector("button") ?? doing("apply")).focus();
    });
    return make("li", "actions", fill(shape.inspect ? texts.shape_in : texts.shape_out, words), remove);
  });
  list.replaceChildren(...(items.length ? items : [make("li", "hint", texts.no_shapes)]));
}

/** Where a shape that is being drawn ends. */
function start(point) {
  const made = document.createElementNS(SVG, "ellipse");
  const attributes = { cx: point[0], cy: point[1], rx: 0.012, ry: (0.012 * size[0]) / size[1], class: "begun" };
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** For those who may only look. */
function showRegion() {
  const place = find(".box");
  place.hidden = !region;
  if (!region) return;
  const [left, top, width, height] = region.map((share) => `${100 * share}%`);
  Object.assign(place.style, { left, top, width, height });
}

function stored() {
  corners = [];
  change(inspected.region && shares(inspected.region), inspected.shapes, true);
}

function choose() {
  const isShape = tool() !== "region";
  pen.hidden = !isShape;
  find("[data-tool=region]").hidden = isShape;
  find("[data-tool=shape]").hidden = !isShape;
  find("#tool-hint").textContent = isShape ? texts.tool_shape_keys : texts.tool_region_keys;
  pencil.clear();
}

async function apply() {
  const what = { region: region && pixels(region), shapes };
  try {
    const response = await send(`PUT /api/v1/recipes/${recipe}/inspected`, what);
    ({ inspected } = await response.json());
    stored();
    notice(texts.done);
    await refresh(["region-used"]);
  } catch (error) {
    trouble(error, apply);
  }
}

const deeds = {
  some: () => {
    change(SOME, shapes);
    find(".box").focus();
  },
  whole: () => change(null, shapes),
  end: () => pencil.end(),
  drop: () => pencil.drop(),
  apply,
  back: () => {
    pencil.clear();
    stored();
  },
};
if (operates) {
  drawing.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (button) deeds[button.dataset.do]();
  });
  drawing.addEventListener("change", (event) => event.target.name === "tool" && choose());
  choose();
}
stored();

async function watch() {
  while (!staying.aborted) {
    if (!document.hidden) await showPicture(find("#region-view"), camera, "width=1280&drawn=false");
    await pause(PAUSE_MS);
  }
}
watch();
