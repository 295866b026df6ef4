// The editor of descriptions: its lines stay numbered while somebody writes, and a fault's link sets the cursor to its place.
"use strict";

const text = document.getElementById("description");
const numbers = text.parentElement.querySelector(".numbers");

function number() {
  const lines = text.value.split("\n").length;
  text.rows = lines + 1;
  numbers.textContent = Array.from({ length: lines }, (_, i) => i + 1 + "\n").join("");
}

function goTo(link) {
  const lines = text.value.split("\n");
  const line = Math.min(Number(link.dataset.line), lines.length);
  const before = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
  const within = [...lines[line - 1]].slice(0, Number(link.dataset.column) - 1).join("").length;
  text.focus({ preventScroll: true });
  text.setSelectionRange(before + within, before + within);
  const frame = text.parentElement;
  frame.scrollTop = ((line - 4) * text.scrollHeight) / text.rows;
  frame.scrollIntoView({ block: "nearest" });
}

text.addEventListener("input", number);

// The faults were looked for again.
document.addEventListener("htmx:afterSettle", () => {
  if (document.querySelector("#faults li")) text.setAttribute("aria-invalid", "true");
  else text.removeAttribute("aria-invalid");
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  if (!link) return;
  event.preventDefault();
  goTo(link);
});

const first = document.querySelector("a[data-first]");
if (first) goTo(first);
