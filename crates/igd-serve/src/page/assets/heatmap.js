// A part's map in colours: nothing where it is ordinary, warm from half of the threshold on, bright above it.

/** Gray value, then red, green, blue and opacity; 128 is the threshold. */
const STOPS = [
  [48, 60, 20, 120, 0],
  [96, 140, 20, 140, 120],
  [127, 200, 40, 90, 170],
  [128, 240, 80, 20, 220],
  [190, 255, 170, 0, 240],
  [255, 255, 255, 120, 255],
];

const COLOURS = Array.from({ length: 256 }, (_, gray) => {
  const above = STOPS.findIndex(([start]) => start >= gray);
  if (above <= 0) return STOPS[0].slice(1);
  const [low, high] = [STOPS[above - 1], STOPS[above]];
  const share = (gray - low[0]) / (high[0] - low[0]);
  return low.slice(1).map((value, index) => value + share * (high[index + 1] - value));
});

/** Draws a map's picture on a canvas; false where there is none. */
export async function drawHeatmap(canvas, address) {
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
  } catch {
    return false;
  }
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    pixels.data.set(COLOURS[pixels.data[at]], at);
  }
  context.putImageData(pixels, 0, 0);
  return true;
}
