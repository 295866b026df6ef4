// What tests ask of a page, in terms of what people see. Evaluated by the debugger, whatever the page's policy.
(() => {
  const squash = (s) => s.replace(/\s+/g, " ").trim();
  // A form that is on its way is inert: nobody can act on it.
  const seen = (el) => el.checkVisibility({ visibilityProperty: true }) && el.getClientRects().length > 0 && !el.closest("[inert]");
  // What htmx just put in takes part in nothing until it has settled: a button in it would send the form the plain way.
  const settled = () => !document.querySelector(".htmx-added, .htmx-settling");
  const scope = () => document.querySelector("dialog[open]") || document.body;

  // An element's names: all its text, what of it is to be seen, and its label.
  const names = (el) => {
    const bare = el.cloneNode(true);
    bare.querySelectorAll(".sr").forEach((s) => s.remove());
    return [squash(el.textContent), squash(bare.textContent), el.getAttribute("aria-label") || "", el.value || ""];
  };

  // The row, card or region that has a text, the smallest; all there is when none is asked for.
  const within = (text) => {
    if (!text) return scope();
    const regions = [...scope().querySelectorAll("tr, li, fieldset, section, form, article, details, dl > div, nav")];
    const found = regions.filter((el) => seen(el) && squash(el.textContent).includes(text));
    return found.sort((a, b) => a.textContent.length - b.textContent.length)[0];
  };

  const pressable = (name, text) => {
    const at = within(text);
    if (!at || !settled()) return null;
    const all = [...at.querySelectorAll("a[href], button, summary, input[type=submit], label.check, .tabs label, [role=tab]")].filter((el) => seen(el) && !el.classList.contains("sr"));
    return all.find((el) => names(el).includes(name)) || null;
  };

  const field = (label, text) => {
    const at = within(text);
    if (!at || !settled()) return null;
    const labels = [...at.querySelectorAll("label")].filter((l) => l.control && seen(l.control));
    const starts = (l) => names(l).some((n) => n === label) || names(l).some((n) => n.startsWith(label + " "));
    const l = labels.find((l) => names(l).includes(label)) || labels.find(starts);
    return l ? l.control : at.querySelector(`[aria-label="${CSS.escape(label)}"]`);
  };

  const middle = (el) => {
    if (!el) return null;
    el.scrollIntoView({ block: "center", behavior: "instant" });
    const r = el.getClientRects()[0];
    return { x: r.x + r.width / 2, y: r.y + r.height / 2 };
  };

  const describe = (el) =>
    el ? `<${el.tagName.toLowerCase()}${el.id ? " id=" + el.id : ""}> ${squash(el.textContent || el.getAttribute("aria-label") || el.name || "").slice(0, 60)}` : "";

  return {
    squash,
    settled,
    text: () => squash(scope().innerText),
    heading: () => {
      const h = scope().querySelector(scope().tagName === "DIALOG" ? "h2" : "h1:not(.sr), .page h2");
      if (!h) return "";
      const bare = h.cloneNode(true);
      bare.querySelectorAll(".count, .badge, .sr").forEach((s) => s.remove());
      return squash(bare.textContent);
    },
    open: () => !!document.querySelector("dialog[open]"),
    point: (name, text) => middle(pressable(name, text)),
    fieldPoint: (label, text) => middle(field(label, text)),
    value: (label) => (field(label) ? field(label).value : null),
    checked: (label) => (field(label) ? field(label).checked : null),
    focusField: (label, text) => {
      const el = field(label, text);
      if (!el) return false;
      el.focus();
      if (el.select) el.select();
      return document.activeElement === el;
    },
    choose: (label, option) => {
      const el = field(label);
      const o = el && [...el.options].find((o) => squash(o.textContent) === option || o.value === option);
      if (!o) return false;
      el.value = o.value;
      el.dispatchEvent(new Event("input", { bubbles: true }));
      el.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    },
    columns: () => [...scope().querySelectorAll("table thead th")].map((th) => squash(th.textContent)),
    cell: (row, column) => {
      const at = [...scope().querySelectorAll("tbody tr")].find((tr) => squash(tr.textContent).includes(row));
      const i = [...scope().querySelectorAll("table thead th")].findIndex((th) => squash(th.textContent) === column);
      return at && at.children[i] ? squash(at.children[i].textContent) : null;
    },
    overflow: () => {
      const root = document.documentElement;
      if (root.scrollWidth <= root.clientWidth) return "";
      const wide = [...document.querySelectorAll("body *")].filter((el) => el.getBoundingClientRect().right > root.clientWidth + 1);
      return `${root.scrollWidth} px on ${root.clientWidth}: ${wide.slice(0, 4).map(describe).join("; ")}`;
    },
    // Whether all of an element is in the window, and within the dialog where one is open.
    inView: (selector) => {
      const el = scope().querySelector(selector);
      if (!el || !seen(el)) return false;
      const r = el.getBoundingClientRect();
      const around = scope().tagName === "DIALOG" ? scope().getBoundingClientRect() : { top: 0, bottom: innerHeight };
      return r.top >= Math.max(around.top, 0) && r.bottom <= Math.min(around.bottom, innerHeight);
    },
    focused: () => {
      const el = document.activeElement;
      if (!el || el === document.body) return { what: "", names: [], tag: "", outlined: false, inside: false };
      // What only screen readers get shows its focus on its label.
      const marked = el.classList.contains("sr") && el.labels && el.labels[0] ? el.labels[0] : el;
      const s = getComputedStyle(marked);
      const ring = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
      const r = marked.getBoundingClientRect();
      const shown = r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth;
      const dialog = document.querySelector("dialog[open]");
      const labels = el.labels ? [...el.labels].flatMap(names) : [];
      return {
        what: describe(el), names: names(el).concat(labels), tag: el.tagName, id: el.id, type: el.type || "",
        outlined: ring, shown, inside: !dialog || dialog.contains(el), href: el.getAttribute("href") || "",
      };
    },
  };
})()
