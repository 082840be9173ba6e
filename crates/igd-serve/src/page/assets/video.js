// What a camera sees, as video by WebRTC: an offer is posted, the answer has the server's addresses in it (WHEP).

import { send, staying, texts } from "./common.js";
import { pause, shown } from "./view.js";

/** The server sends a picture that stays again each second: after longer than this there is no connection. */
const STALL_MS = 2500;
/** The first frame comes by then; pictures are shown meanwhile. */
const FIRST_MS = 5000;
/** This machine's own addresses are known by then; nobody else is asked for others. */
const GATHERING_MS = 1000;

/** Shows a camera in a video while `isWanted()`. Returns, when that is over, whether it is worth another try. */
export async function showVideo(video, camera, query, isWanted) {
  const connection = new RTCPeerConnection();
  let [newest, session, again] = [0, undefined, false];
  const seen = () => {
    newest = performance.now();
    again = true;
    show(video, true);
    shown(video.parentElement);
    video.requestVideoFrameCallback(seen);
  };
  connection.addEventListener("track", ({ receiver, track }) => {
    receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([track]);
    video.requestVideoFrameCallback(seen);
    // Refused where the connection ends first.
    video.play().catch(() => {});
  });
  // Who has signed out may end nothing any more; the server sees that the connection does.
  const end = () => session && !staying.aborted && leave(session);
  addEventListener("pagehide", end);
  const isWell = () => performance.now() - newest < (again ? STALL_MS : FIRST_MS) && connection.connectionState !== "failed";
  try {
    session = await begin(connection, camera, query);
    newest = performance.now();
    while (isWell() && isWanted() && !staying.aborted) await pause(250);
  } catch (error) {
    again ||= error.status === 0;
  }
  connection.close();
  removeEventListener("pagehide", end);
  end();
  show(video, false);
  video.srcObject = null;
  return again;
}

/** Returns the session's address. */
async function begin(connection, camera, query) {
  connection.addTransceiver("video", { direction: "recvonly" });
  await connection.setLocalDescription();
  await Promise.race([gathered(connection), pause(GATHERING_MS)]);
  staying.throwIfAborted();
  const offer = new Blob([connection.localDescription.sdp], { type: "application/sdp" });
  const answer = await send(`POST /api/v1/cameras/${encodeURIComponent(camera)}/whep?${query}`, offer);
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  return answer.headers.get("Location");
}

function gathered(connection) {
  return new Promise((done) => {
    const look = () => connection.iceGatheringState === "complete" && done();
    connection.addEventListener("icegatheringstatechange", look);
    look();
  });
}

/** Also while the page is being left. */
function leave(session) {
  fetch(session, { method: "DELETE", headers: { "X-Igd": "1" }, keepalive: true }).catch(() => {});
}

/** In place of the pictures, or no more: its last one stays until the next. */
function show(video, isShown) {
  if (video.hidden !== isShown) return;
  const place = video.parentElement;
  const canvas = place.querySelector("canvas");
  if (!isShown) canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  video.hidden = !isShown;
  place.title = isShown ? texts.as_video : texts.as_pictures;
}
