// What a camera sees, drawn as it comes.

import { staying } from "./common.js";

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Draws the newest picture of a camera, and takes away what stands for it until then. True: there is one. */
export async function showPicture(canvas, camera, query) {
  try {
    const address = `/api/v1/cameras/${encodeURIComponent(camera)}/picture.jpg?${query}`;
    const response = await fetch(address, { signal: staying });
    if (!response.ok) return false;
    const picture = await createImageBitmap(await response.blob());
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
  } catch {
    return false;
  }
  shown(canvas.parentElement);
  return true;
}

/** A picture has come to its place. */
export function shown(place) {
  place.querySelector(".empty").hidden = true;
  place.dataset.count = Number(place.dataset.count ?? 0) + 1;
}
