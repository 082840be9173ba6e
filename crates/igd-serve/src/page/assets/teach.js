// A recipe is taught: what the camera sees, files that are sent one after the other, a new product.

import { Refusal, fill, look, make, refresh, send, staying, texts, trouble } from "./common.js";
import { pause, showPicture } from "./view.js";

const LARGEST = 32 << 20;
const PAUSE_MS = 500;

const view = document.getElementById("camera-view");
const from = document.getElementById("collect-from");

async function watch() {
  while (!staying.aborted) {
    const isSeen = !document.hidden && view.checkVisibility();
    const camera = isSeen && (await look(`/api/v1/cameras/${encodeURIComponent(from.value)}`));
    if (camera?.judged && (await showPicture(view, from.value, "drawn=false"))) {
      view.ariaLabel = fill(texts.seen_by, { camera: from.value });
    }
    await pause(PAUSE_MS);
  }
}
if (view) watch();

const place = document.getElementById("from-files");
const [sending, sent] = [document.getElementById("sending"), document.getElementById("sent")];
const [all, notTaken] = [document.getElementById("sent-all"), document.getElementById("not-taken")];
const inputs = ["files", "folder"].map((id) => document.getElementById(id));

/** The server says of each file why it is none. */
async function upload(file) {
  if (file.size > LARGEST) throw new Refusal(413, texts.too_large);
  await send(`POST /api/v1/recipes/${place.dataset.recipe}/lesson/pictures`, file);
}

async function uploadAll(files) {
  const faults = [];
  let taken = 0;
  inputs.forEach((input) => (input.disabled = true));
  sending.hidden = false;
  sent.max = files.length;
  all.textContent = "";
  notTaken.replaceChildren();
  for (const [index, file] of files.entries()) {
    sent.value = index;
    sent.previousElementSibling.textContent = fill(texts.uploading, { done: index, all: files.length });
    try {
      await upload(file);
      taken += 1;
    } catch (error) {
      faults.push([file.webkitRelativePath || file.name, error.message]);
      // Without an answer, or signed out, the others would fare no better.
      if (error.status === 0 || error.status === 401) break;
    }
  }
  sending.hidden = true;
  all.textContent = fill(texts.uploaded, { n: taken });
  if (faults.length) {
    const lines = faults.map(([name, why]) => make("li", "", make("strong", "", name), `: ${why}`));
    notTaken.replaceChildren(
      make("p", "error", fill(texts.not_taken, { n: faults.length })),
      make("ul", "faults", ...lines),
    );
  }
  inputs.forEach((input) => {
    input.disabled = false;
    input.value = "";
  });
  await refresh(["lesson", "learning"]);
}

/** What systems leave in folders is no picture of anybody's. */
const isOwn = (file) => !file.name.startsWith(".") && (file.type.startsWith("image/") || !file.webkitRelativePath);

for (const input of inputs) {
  input.addEventListener("change", () => {
    const files = [...input.files].filter(isOwn);
    if (files.length) uploadAll(files);
  });
}

document.getElementById("make-recipe").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = document.getElementById("new-name").value;
  try {
    await send("POST /api/v1/recipes", { name });
    location.assign(`/teach/${name}`);
  } catch (error) {
    trouble(error);
  }
});
