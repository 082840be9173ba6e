// Marks on their way to the server. Each is kept in this browser until the server has said that it has it: whoever
// closes the page, or whatever happens to the server, it is sent again.

import { Refusal, fill, send, texts, trouble } from "./common.js";

const PLACE = "igd-marks";
const AGAIN_MS = 3000;

/** Marks that wait, by their part; a `mark` of null takes one away. */
function waiting() {
  try {
    return JSON.parse(localStorage.getItem(PLACE)) ?? {};
  } catch {
    return {};
  }
}

function keep(id, said) {
  const all = waiting();
  if (said === undefined) delete all[id];
  else all[id] = said;
  localStorage.setItem(PLACE, JSON.stringify(all));
  showWaiting();
}

/** A mark that is on its way is no news yet. */
let shown;
function showWaiting() {
  clearTimeout(shown);
  const place = document.getElementById("waiting");
  const show = () => {
    const n = Object.keys(waiting()).length;
    place.hidden = n === 0;
    place.querySelector("span").textContent = n ? fill(texts.marks_waiting, { n }) : "";
  };
  if (place.hidden) shown = setTimeout(show, AGAIN_MS / 3);
  else show();
}

/** What waits for a part. */
export const unsent = (id) => waiting()[id];

let count = 0;
let turn = Promise.resolve();
/** One after the other, so that what was said last is what stays. */
function inTurn(deed) {
  const done = turn.then(deed);
  turn = done.catch(() => {});
  return done;
}

/**
 * Sends a mark. True: the server has it; false: another was said meanwhile. A `Refusal` says why not; what is not final
 * is sent again.
 */
export function mark(id, said) {
  count += 1;
  const sent = { ...said, at: `${Date.now()}-${count}` };
  keep(id, sent);
  return inTurn(() => push(id, sent));
}

async function push(id, sent) {
  if (waiting()[id]?.at !== sent.at) return false;
  try {
    await deliver(id, sent);
  } catch (error) {
    if (isFinal(error)) forget(id, sent);
    throw error;
  }
  forget(id, sent);
  return true;
}

function deliver(id, { mark, area }) {
  const address = `/api/v1/parts/${encodeURIComponent(id)}/mark`;
  return mark === null ? send(`DELETE ${address}`) : send(`PUT ${address}`, { mark, area });
}

/** Another may have been said of the part meanwhile. */
function forget(id, sent) {
  if (waiting()[id]?.at === sent.at) keep(id, undefined);
}

/** Nothing will change what the server says: there is no such part, or it may not be. */
export function isFinal(error) {
  const mayPass = [401, 408, 429];
  return error instanceof Refusal && error.status >= 400 && error.status < 500 && !mayPass.includes(error.status);
}

let isSending = false;
/** Sends all that wait. */
export async function sendAll() {
  if (isSending) return;
  isSending = true;
  for (const [id, said] of Object.entries(waiting())) {
    try {
      const isStored = await inTurn(() => push(id, said));
      if (isStored) document.dispatchEvent(new CustomEvent("marked", { detail: { id, ...said } }));
    } catch (error) {
      if (!isFinal(error)) break;
      trouble(error);
    }
  }
  isSending = false;
}

document.querySelector("[data-marks=retry]").addEventListener("click", sendAll);
document.querySelector("[data-marks=drop]").addEventListener("click", () => {
  for (const id of Object.keys(waiting())) keep(id, undefined);
});
showWaiting();
sendAll();
setInterval(() => Object.keys(waiting()).length && sendAll(), AGAIN_MS);
