// Live pieces of pages: what has data-live asks for what is new. It does not ask while nobody looks, a dialog is open or
// a text in it is selected; an answer that is an error leaves what is there. What changed is said to screen readers, now
// and then at most where nobody asked for it. Times with data-countdown count down.
"use strict";

const sayAtMostEvery = 15000; // milliseconds
let saidAt = -sayAtMostEvery;
let opened = new Map();

const livePiece = (element) => element && element.closest && element.closest("[data-said]");

document.addEventListener("htmx:beforeRequest", (event) => {
  const piece = event.detail.elt;
  if (!piece.hasAttribute("data-live")) {
    if (!event.defaultPrevented) mark(event.detail.target, true);
    return;
  }
  const selected = document.getSelection();
  const reading = selected && !selected.isCollapsed && piece.contains(selected.anchorNode);
  if (document.hidden || reading || "asked" in piece.dataset || document.querySelector("dialog[open]")) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.elt.hasAttribute("data-live")) mark(event.detail.target, false);
});

// A piece that somebody asked for anew, by a search say, takes no answer of its own meanwhile: the one that was asked for would
// find it gone.
function mark(piece, asked) {
  if (!piece || !piece.hasAttribute || !piece.hasAttribute("data-live")) return;
  if (asked) piece.dataset.asked = "";
  else delete piece.dataset.asked;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const piece = livePiece(event.detail.target);
  if (!piece) return;
  const asked = !event.detail.requestConfig.elt.hasAttribute("data-live");
  if (!asked && (event.detail.xhr.status >= 400 || "asked" in piece.dataset || !piece.isConnected)) {
    event.detail.shouldSwap = false;
    return;
  }
  opened = new Map([...piece.querySelectorAll("details[id]")].map((d) => [d.id, d.open]));
  const before = piece.dataset.said;
  const id = piece.id;
  requestAnimationFrame(() => {
    const now = document.getElementById(id);
    const said = now ? now.dataset.said : "";
    if (said === before || (!asked && performance.now() - saidAt < sayAtMostEvery)) return;
    saidAt = performance.now();
    document.getElementById("live").textContent = said;
  });
});

document.addEventListener("htmx:afterSwap", () => {
  for (const [id, open] of opened) {
    const details = document.getElementById(id);
    if (details) details.open = open;
  }
  opened = new Map();
  countDown();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy-from]");
  if (!button) return;
  navigator.clipboard.writeText(document.getElementById(button.dataset.copyFrom).textContent).then(() => {
    document.getElementById("live").textContent = "Copied";
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  });
});

// A countdown starts from the server's time: this machine's clock may be off.
const begun = new WeakMap();

function countDown() {
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    if (!begun.has(time)) begun.set(time, performance.now());
    const left = Date.parse(time.dateTime) - Date.parse(time.dataset.countdown) - (performance.now() - begun.get(time));
    if (!time.title) time.title = time.textContent;
    time.textContent = left <= 0 ? "is due now" : "in " + duration(Math.ceil(left / 1000));
  }
}

function duration(seconds) {
  const parts = [];
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    const n = Math.floor(seconds / size);
    seconds -= n * size;
    if (n > 0) parts.push(n + " " + unit);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

countDown();
setInterval(countDown, 1000);
