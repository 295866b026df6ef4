// Comforts on top of pages that work without: links marked data-dialog open their page's panel in the dialog, texts can
// be copied, and what happened is said to screen readers. Nothing here decides anything.
"use strict";

const dialog = document.getElementById("dialog");
const live = document.getElementById("live");

// Where the sections do not all fit, the one that is open is in sight.
const current = document.querySelector(".sections [aria-current]");
if (current) current.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link && plain && dialog.showModal) {
    event.preventDefault();
    htmx.ajax("GET", link.getAttribute("href"), { target: "#dialog", swap: "innerHTML" }).catch(() => {}); // htmx:sendError says it
    return;
  }
  if (event.target.closest("[data-close]") && dialog.open) {
    event.preventDefault();
    dialog.close();
    return;
  }
  const select = event.target.closest("button[data-select]");
  if (select) {
    const boxes = [...select.closest("fieldset").querySelectorAll("input[name=events]:not(:disabled):not([value$='*'])")];
    const on = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = on;
    live.textContent = boxes.filter((box) => box.checked).length + " of " + boxes.length + " chosen";
    return;
  }
  const copy = event.target.closest("button[data-copy]");
  if (copy) {
    navigator.clipboard.writeText(copy.dataset.copy || copy.closest(".file").querySelector("pre").textContent).then(() => {
      live.textContent = "Copied";
      copy.classList.add("copied");
      setTimeout(() => copy.classList.remove("copied"), 1500);
    });
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (dialog.contains(event.target)) {
    const heading = dialog.querySelector("h2");
    if (heading) dialog.setAttribute("aria-label", heading.textContent);
    if (!dialog.open && dialog.childElementCount > 0) dialog.showModal();
  }
  if (event.target.matches("[data-panel], #dialog")) begin(event.target); // elsewhere a part of the panel changed: the focus stays
});

// begin puts the focus where a panel begins, and scrolls there: to the first wrong field with its message, to what is wrong
// with the whole form, to a form's first field, or to the heading.
function begin(panel) {
  const wrong = panel.querySelector("[autofocus]") || panel.querySelector("[aria-invalid]");
  const faults = panel.querySelector(".faults");
  const heading = panel.querySelector("h2");
  const first = wrong || faults || panel.querySelector("form :is(input:not([type=hidden]), select, textarea)") || heading;
  if (!first) return;
  if (first === faults) faults.tabIndex = -1;
  first.focus({ preventScroll: true });
  const message = wrong && document.getElementById(wrong.name + "-problem");
  (message || (first === wrong || first === faults ? first : heading)).scrollIntoView({ block: message ? "center" : "nearest" });
}

// What could not be asked for is said, unless it was only a list that looks for news; in an open dialog, which lies above
// the page, it is said there.
const unreached = document.getElementById("unreached");

document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.elt.hasAttribute("data-live")) return;
  (dialog.open ? dialog : document.body).append(unreached);
  unreached.role = "alert"; // it is said when it comes into view
  unreached.hidden = false;
});

document.addEventListener("htmx:afterOnLoad", () => { unreached.hidden = true; });

// Escape leaves a dialog at once only if nothing was entered in it. An answer that refused what was entered has it, too.
const entered = (field) => (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);

function halfFilled() {
  const fields = dialog.querySelectorAll("form[method=post] :is(input:not([type=hidden]), textarea)");
  return fields.length > 0 && (dialog.querySelector(".faults") !== null || [...fields].some(entered));
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !dialog.open) return;
  const asking = dialog.querySelector(".ask");
  if (!asking && !halfFilled()) return;
  event.preventDefault();
  if (asking) return goOn(asking);
  const ask = document.createElement("div");
  const question = document.createElement("p");
  const stay = document.createElement("button");
  const leave = document.createElement("button");
  ask.className = "ask";
  ask.setAttribute("role", "alert");
  question.textContent = "Discard what you entered?";
  stay.type = leave.type = "button";
  stay.textContent = "Keep editing";
  leave.textContent = "Discard";
  leave.className = "primary danger";
  left = document.activeElement;
  stay.addEventListener("click", () => goOn(ask));
  leave.addEventListener("click", () => dialog.close());
  ask.append(question, stay, leave);
  dialog.append(ask);
  stay.focus();
});

// goOn takes the question away, and the focus back to where it was.
function goOn(ask) {
  ask.remove();
  if (left) left.focus();
}

// What is entered in a part of a form whose answer will take its place would be gone with it: it waits for the answer,
// and the focus is put back for those who were in it.
let left = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.defaultPrevented || event.detail.requestConfig.verb !== "post") return;
  left = document.activeElement;
  event.detail.target.inert = true;
});

for (const answered of ["htmx:beforeOnLoad", "htmx:afterRequest"]) {
  document.addEventListener(answered, (event) => {
    if (!event.detail.target.inert) return;
    event.detail.target.inert = false;
    if (left && document.activeElement === document.body) left.focus();
  });
}

// An http address is warned of while it is written.
document.addEventListener("input", (event) => {
  if (event.target.id !== "url") return;
  const warning = event.target.closest("form").querySelector("[data-insecure]");
  if (warning) warning.hidden = !/^\s*http:\/\//i.test(event.target.value);
});

// A dialog that changed something leaves a page that is out of date.
dialog.addEventListener("close", () => {
  const changed = dialog.querySelector("[data-changed]");
  dialog.replaceChildren();
  if (!changed) return;
  const pieces = document.querySelectorAll("[data-live][hx-trigger~=fresh]");
  for (const piece of pieces) htmx.trigger(piece, "fresh");
  if (pieces.length === 0) location.reload();
});

// A list that changed says how long it is, unless live.js says what is new in it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "list" && !event.target.dataset.said) {
    const rows = document.querySelectorAll("#list tbody tr").length;
    live.textContent = rows === 1 ? "1 row" : rows + " rows";
  }
});
