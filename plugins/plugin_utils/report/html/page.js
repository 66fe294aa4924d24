"use strict";
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const list = one(".list");
  const rows = Array.from(list.children);
  const find = one("#find");
  const platform = one("#platform");
  const toggles = all("input[name=state]");
  const chosen = { numbers: null, label: "" };
  const texts = new Map();
  const number = (row) => Number(row.dataset.number);

  // Texts are gathered at the first search, so that the page opens without it.
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.replace(/\s+/g, " ").toLowerCase());
    return texts.get(row);
  };

  const numbersOf = (told) => {
    const found = new Set();
    for (const part of told.split(",").filter(Boolean)) {
      const [first, last = first] = part.split("-").map(Number);
      for (let place = first; place <= last; place += 1) found.add(place);
    }
    return found;
  };

  const wanted = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = new Set(toggles.filter((toggle) => toggle.checked).map((toggle) => toggle.value));
    const kind = platform ? platform.value : "";
    return (row) =>
      (!states.size || states.has(row.dataset.state)) &&
      (!kind || row.dataset.platform === kind) &&
      (!chosen.numbers || chosen.numbers.has(number(row))) &&
      words.every((word) => textOf(row).includes(word));
  };

  const remember = () => {
    const told = new URLSearchParams();
    if (find.value) told.set("find", find.value);
    const states = toggles.filter((toggle) => toggle.checked).map((toggle) => toggle.value);
    if (states.length) told.set("state", states.join(","));
    if (platform && platform.value) told.set("platform", platform.value);
    try {
      history.replaceState(null, "", `#${told.toString() || "hosts"}`);
    } catch {
      // A viewer that shows the page in a frame may forbid it.
    }
  };

  const show = () => {
    const fits = wanted();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !fits(row);
      if (!row.hidden) shown += 1;
    }
    one("#shown").textContent =
      shown === rows.length ? `${rows.length.toLocaleString("en")} hosts` : `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} hosts`;
    one("#none-found").hidden = shown > 0 || !rows.length;
    one("#chosen").hidden = !chosen.numbers;
    one("#chosen span").textContent = chosen.label;
  };

  const changed = () => {
    show();
    remember();
  };

  const reset = () => {
    find.value = "";
    toggles.forEach((toggle) => { toggle.checked = false; });
    if (platform) platform.value = "";
    chosen.numbers = null;
    changed();
  };

  const goToHosts = () => {
    const hosts = one("#hosts");
    hosts.scrollIntoView();
    hosts.focus({ preventScroll: true });
  };

  const open = (anchor) => {
    const card = anchor && document.getElementById(anchor);
    if (!card || card.tagName !== "DETAILS") return false;
    if (card.parentElement.hidden) reset();
    card.open = true;
    card.scrollIntoView({ block: "center" });
    card.querySelector("summary").focus({ preventScroll: true });
    return true;
  };

  const follow = () => {
    const told = decodeURIComponent(location.hash.slice(1));
    if (open(told) || !/^(find|state|platform)=/.test(told)) return;
    const asked = new URLSearchParams(location.hash.slice(1));
    find.value = asked.get("find") || "";
    const states = (asked.get("state") || "").split(",");
    toggles.forEach((toggle) => { toggle.checked = states.includes(toggle.value); });
    if (platform) platform.value = asked.get("platform") || "";
    show();
    goToHosts();
  };

  const orders = {
    severity: (a, b) => number(a) - number(b),
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name, "en", { numeric: true }),
    offset: (a, b) => b.dataset.offset - a.dataset.offset,
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-state], a[data-hosts], a[href^='#host-']");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.state) {
      reset();
      toggles.forEach((toggle) => { toggle.checked = toggle.value === link.dataset.state; });
      changed();
      goToHosts();
    } else if (link.dataset.hosts !== undefined) {
      reset();
      chosen.numbers = numbersOf(link.dataset.hosts);
      chosen.label = link.dataset.label;
      changed();
      goToHosts();
    } else {
      const anchor = link.getAttribute("href").slice(1);
      open(anchor);
      try {
        history.replaceState(null, "", `#${anchor}`);
      } catch {
        // As above.
      }
    }
  });

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      goToHosts();
      find.focus();
    } else if (event.key === "Escape" && event.target === find) {
      reset();
    }
  });

  one(".filter").addEventListener("submit", (event) => event.preventDefault());
  find.addEventListener("input", changed);
  toggles.forEach((toggle) => toggle.addEventListener("change", changed));
  if (platform) platform.addEventListener("change", changed);
  one("#unchoose").addEventListener("click", () => { reset(); find.focus(); });
  one("#reset").addEventListener("click", () => { reset(); find.focus(); });
  one("#sort").addEventListener("change", (event) => {
    rows.sort(orders[event.target.value]);
    list.append(...rows);
  });

  const expand = one("#expand");
  expand.addEventListener("click", () => {
    const opening = expand.textContent.startsWith("Open");
    rows.filter((row) => !row.hidden).forEach((row) => { row.firstElementChild.open = opening; });
    expand.textContent = opening ? "Close all shown" : "Open all shown";
  });

  const theme = one("#theme");
  const dark = () => {
    const told = document.documentElement.dataset.theme;
    return told ? told === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const nameTheme = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    nameTheme();
  });

  // The bands that lead to and from a box, and all that they touch.
  const map = one("#domain");
  const trace = (event) => {
    const box = event.target.closest("[data-key]");
    map.classList.toggle("tracing", Boolean(box));
    for (const band of map.querySelectorAll("[data-ends]")) {
      band.classList.toggle("on", Boolean(box) && band.dataset.ends.split(" ").includes(box.dataset.key));
    }
  };
  if (map) {
    ["pointerover", "focusin"].forEach((kind) => map.addEventListener(kind, trace));
    ["pointerleave", "focusout"].forEach((kind) => map.addEventListener(kind, () => map.classList.remove("tracing")));
  }

  // On paper nobody can open a card: those of hosts that are not well are open, and closed again afterwards.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = rows.filter((row) => !/^(in_sync|synchronised)$/.test(row.dataset.state)).map((row) => row.firstElementChild).filter((card) => !card.open);
    opened.forEach((card) => { card.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((card) => { card.open = false; }));
  addEventListener("hashchange", follow);

  one(".filter").hidden = false;
  theme.hidden = false;
  all(".js-only").forEach((element) => { element.hidden = false; });
  nameTheme();
  show();
  follow();
})();
