// A polygon on a picture: its corners are tapped, it is drawn around in one stroke, or set by keyboard.

/** Corners of a stroke are at least so far from each other, as shares of the picture; less is a tap. */
const APART = 0.012;
const STEP = 0.01;
const MOST = 256;

const clamp = (value) => Math.min(1, Math.max(0, value));
const distance = ([x, y], [to_x, to_y]) => Math.hypot(to_x - x, to_y - y);

/**
 * Lets `pen` draw polygons. Tells by `changed` the corners so far, and by `ended` those of a whole one: x and y as
 * shares.
 */
export function polygons(pen, changed, ended) {
  const cross = pen.querySelector(".cross");
  let corners = [];
  let at = [0.5, 0.5];
  let stroke = null;

  function move(to) {
    at = to.map(clamp);
    [cross.style.left, cross.style.top] = at.map((share) => `${100 * share}%`);
  }

  function set(now) {
    corners = now;
    changed(corners);
  }

  function corner(place) {
    const closes = corners.length > 2 && distance(corners[0], place) < 2 * APART;
    if (closes) return end();
    if (corners.length < MOST) set([...corners, place]);
  }

  function end() {
    if (corners.length < 3) return;
    const whole = corners;
    set([]);
    ended(whole);
  }

  function place(event) {
    const { left, top, width, height } = pen.getBoundingClientRect();
    return [clamp((event.clientX - left) / width), clamp((event.clientY - top) / height)];
  }

  pen.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    event.stopPropagation();
    pen.setPointerCapture(event.pointerId);
    stroke = { pointer: event.pointerId, corners: [place(event)] };
  });
  pen.addEventListener("pointermove", (event) => {
    if (stroke?.pointer !== event.pointerId) return;
    event.stopPropagation();
    const now = place(event);
    if (distance(stroke.corners.at(-1), now) < APART || stroke.corners.length >= MOST) return;
    stroke.corners.push(now);
    changed([...corners, ...stroke.corners]);
  });
  pen.addEventListener("pointerup", (event) => {
    if (stroke?.pointer !== event.pointerId) return;
    event.stopPropagation();
    const drawn = stroke.corners;
    stroke = null;
    move(place(event));
    if (drawn.length === 1) return corner(drawn[0]);
    set([...corners, ...drawn].slice(0, MOST));
    end();
  });
  pen.addEventListener("pointercancel", () => {
    stroke = null;
    changed(corners);
  });

  pen.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    const step = event.shiftKey ? 5 * STEP : STEP;
    if (x !== undefined) move([at[0] + x * step, at[1] + y * step]);
    else if (event.key === " ") corner(at);
    else if (event.key === "Backspace") drop();
    else if (event.key === "Enter") end();
    else return;
    event.preventDefault();
  });

  const drop = () => set(corners.slice(0, -1));
  move(at);
  return { end, drop, clear: () => set([]) };
}
