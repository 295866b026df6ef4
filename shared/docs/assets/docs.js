// The search: calls and schemas without the words disappear, here and in the list at the side. The page needs none of it.
"use strict";

const form = document.getElementById("find");
const field = document.getElementById("search");
const none = document.getElementById("none");
const entries = [...document.querySelectorAll("[data-find]")].map((item) => {
  const target = document.getElementById(item.dataset.find);
  return { item, target, text: target.textContent.toLowerCase() };
});

const search = () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const { item, target, text } of entries) {
    const hit = words.every((word) => text.includes(word));
    item.hidden = target.hidden = !hit;
    found += hit ? 1 : 0;
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    const parts = group.querySelectorAll("[data-find], article");
    group.hidden = words.length > 0 && ![...parts].some((part) => !part.hidden);
  }
  none.textContent = words.length === 0 ? "" : found === 0 ? "Nothing has all these words." : found === 1 ? "1 found" : found + " found";
};

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
field.addEventListener("input", search);
// A link leads to what it names, also when the search has hidden it.
window.addEventListener("hashchange", () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target && target.closest("[hidden]")) {
    field.value = "";
    search();
    target.scrollIntoView();
  }
});
