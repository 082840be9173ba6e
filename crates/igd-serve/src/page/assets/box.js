// A box on a picture: drawn with mouse or finger, moved and sized with the arrow keys.

/** Shorter sides, as shares of the picture, are a tap and no box. */
const SHORTEST = 0.01;
const STEP = 0.01;

const clamp = (value, from, to) => Math.min(to, Math.max(from, value));

/** Lets `stage` have a box, shown by `box`. Tells by `changed` what a user made of it: left, top, width, height as shares. */
export function boxed(stage, box, changed) {
  let area = null;
  let start = null;

  function show(now) {
    area = now;
    box.hidden = !area;
    if (!area) return box.removeAttribute("tabindex");
    box.tabIndex = 0;
    const [left, top, width, height] = area.map((share) => `${100 * share}%`);
    Object.assign(box.style, { left, top, width, height });
  }

  function place(event) {
    const { left, top, width, height } = stage.getBoundingClientRect();
    return [clamp((event.clientX - left) / width, 0, 1), clamp((event.clientY - top) / height, 0, 1)];
  }

  const between = ([x, y], [to_x, to_y]) => [Math.min(x, to_x), Math.min(y, to_y), Math.abs(to_x - x), Math.abs(to_y - y)];
  const isBox = (area) => area[2] >= SHORTEST && area[3] >= SHORTEST;

  stage.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    start = { at: place(event), before: area, pointer: event.pointerId };
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (start?.pointer !== event.pointerId) return;
    const drawn = between(start.at, place(event));
    if (isBox(drawn)) show(drawn);
  });
  stage.addEventListener("pointerup", (event) => {
    if (start?.pointer !== event.pointerId) return;
    const drawn = between(start.at, place(event));
    const { before } = start;
    start = null;
    if (isBox(drawn)) {
      show(drawn);
      changed(drawn);
    } else {
      show(before);
    }
  });
  stage.addEventListener("pointercancel", () => {
    if (start) show(start.before);
    start = null;
  });

  box.addEventListener("keydown", (event) => {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (x === undefined || !area) return;
    event.preventDefault();
    event.stopPropagation();
    let [left, top, width, height] = area;
    if (event.shiftKey) {
      width = clamp(width + x * STEP, SHORTEST, 1 - left);
      height = clamp(height + y * STEP, SHORTEST, 1 - top);
    } else {
      left = clamp(left + x * STEP, 0, 1 - width);
      top = clamp(top + y * STEP, 0, 1 - height);
    }
    show([left, top, width, height]);
    changed(area);
  });

  return { show, area: () => area };
}
