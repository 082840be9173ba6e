// What every page needs: texts, requests, parts of the page that are fetched anew, and what went wrong, said so that
// nobody misses it.

export const texts = JSON.parse(document.body.dataset.texts ?? "{}");
export const language = document.documentElement.lang;

/** A text with words in place of those in braces. */
export function fill(text, words) {
  return text.replace(/\{(\w+)\}/g, (_, name) => words[name]);
}

/** With so many decimals. */
export function number(value, decimals) {
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return value.toLocaleString(language, options);
}

/** An element with a class, text and children. */
export function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** A badge as the server makes it. */
export function badge(verdict) {
  const element = make("span", "badge", texts[verdict] ?? texts.no_part);
  element.dataset.verdict = verdict;
  return element;
}

/** What the server refused; `status` is 0 where it did not answer. */
export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const leaving = new AbortController();
/** Aborted when somebody signs out: what is asked for after that would be refused. */
export const staying = leaving.signal;

/** Asks for a change; "POST /api/v1/..." or the like, with a file or what becomes JSON. Throws a `Refusal`. */
export async function send(what, body) {
  const [method, address] = what.split(" ");
  const headers = { "X-Igd": "1" };
  const isFile = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = isFile ? body.type || "application/octet-stream" : "application/json";
  const content = body === undefined || isFile ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch(address, { method, headers, body: content });
  } catch {
    throw new Refusal(0, texts.no_answer);
  }
  answered(response);
  if (!response.ok) throw new Refusal(response.status, await reason(response));
  return response;
}

async function reason(response) {
  const text = await response.text();
  try {
    const said = JSON.parse(text);
    return said.error ?? text;
  } catch {
    return text || `${response.status} ${response.statusText}`;
  }
}

/** JSON of the API; `undefined` where there is none now. */
export async function look(address) {
  try {
    const response = await fetch(address, { signal: staying });
    answered(response);
    return response.ok ? await response.json() : undefined;
  } catch {
    reached(false);
    return undefined;
  }
}

/** Who is not signed in any more has to do so again. */
function answered(response) {
  reached(true);
  if (response.status === 401) location.assign("/login");
}

/** Whether the server answers: a banner says when it does not. */
export function reached(answers) {
  const banner = document.getElementById("unreachable");
  if (banner) banner.hidden = answers || staying.aborted;
}

/** Says what failed until it is closed, with a way to try it again. */
export function trouble(error, again) {
  const close = make("button", "", texts.dismiss);
  const message = make("div", "", make("span", "", fill(texts.failed, { why: error.message })));
  close.type = "button";
  close.addEventListener("click", () => message.remove());
  if (again) {
    const retry = make("button", "main", texts.retry);
    retry.type = "button";
    retry.addEventListener("click", () => {
      message.remove();
      again();
    });
    message.append(retry);
  }
  message.append(close);
  document.getElementById("trouble").replaceChildren(message);
}

let noticed;
/** Says for some seconds what was done. */
export function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(noticed);
  noticed = setTimeout(() => place.replaceChildren(), 4000);
}

/** Fetches this page anew and takes over the elements with such ids where they have changed. */
export async function refresh(ids) {
  let page;
  try {
    const response = await fetch(location.href, { signal: staying });
    answered(response);
    if (!response.ok) return;
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    reached(false);
    return;
  }
  for (const id of ids) {
    const [old, now] = [document.getElementById(id), page.getElementById(id)];
    if (!old || !now || now.isEqualNode(old)) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(document.adoptNode(now));
    if (focused) (document.getElementById(focused) ?? document.getElementById("content")).focus();
  }
}

/** Does what an element's `data-send` says, with its `data-body` or, if it is a form, its fields. */
async function act(element) {
  const { send: what, body, refresh: ids, then } = element.dataset;
  const button = element.matches("form") ? element.querySelector("[type=submit]") : element;
  if (button.ariaBusy === "true") return;
  const fields = element.matches("form") ? Object.fromEntries(new FormData(element)) : undefined;
  button.ariaBusy = "true";
  if (then === "/login") leaving.abort();
  try {
    await send(what, body ? JSON.parse(body) : fields);
    document.getElementById("trouble").replaceChildren();
    if (then) return location.assign(then);
    notice(texts.done);
  } catch (error) {
    trouble(error, () => act(element));
  } finally {
    button.ariaBusy = null;
  }
  if (ids) await refresh(ids.split(" "));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-send]");
  if (button) act(button);
});
document.addEventListener("submit", (event) => {
  if (!event.target.dataset.send) return;
  event.preventDefault();
  act(event.target);
});

// What says of itself how often it changes, in seconds.
let second = 0;
setInterval(() => {
  if (document.hidden || staying.aborted) return;
  second += 1;
  const due = [...document.querySelectorAll("[data-refresh-every]")]
    .filter((element) => second % Number(element.dataset.refreshEvery) === 0)
    .map((element) => element.id);
  if (due.length) refresh(due);
}, 1000);
