// Keeps the figures fresh: asks for the live part every two seconds, puts it in place when it
// changed, marks the figures that did, and writes times as "3 seconds ago".
"use strict";
const EVERY_MS = 2000;
const live = document.getElementById("live");
const disconnected = document.getElementById("disconnected");
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(document.documentElement.lang, {
  dateStyle: "medium", timeStyle: "medium",
});
let version = "";

function writeTimes() {
  for (const time of live.querySelectorAll("time[data-ago]")) {
    const at = new Date(time.dateTime);
    const seconds = Math.min(0, Math.round((at - Date.now()) / 1000));
    const [amount, unit] =
      seconds > -60 ? [seconds, "second"]
      : seconds > -3600 ? [Math.round(seconds / 60), "minute"]
      : seconds > -86400 ? [Math.round(seconds / 3600), "hour"]
      : [Math.round(seconds / 86400), "day"];
    time.textContent = relative.format(amount, unit);
    time.title = exact.format(at);
  }
}

function figures() {
  const found = new Map();
  for (const figure of live.querySelectorAll("[data-figure]")) {
    found.set(figure.dataset.figure, figure);
  }
  return found;
}

function show(html) {
  const before = new Map([...figures()].map(([name, figure]) => [name, figure.textContent]));
  const opened = [...live.querySelectorAll("details[open]")].map((details) => details.id);
  const scrolled = [...live.querySelectorAll(".scroll[id]")].map((chart) => [chart.id, chart.scrollLeft]);
  const focus = live.contains(document.activeElement) ? document.activeElement : null;
  const [link, focused] = [focus?.getAttribute("href"), focus?.closest("#live [id]")?.id];
  live.innerHTML = html;
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  for (const [id, left] of scrolled) {
    const chart = document.getElementById(id);
    if (chart) chart.scrollLeft = left;
  }
  const same = link && live.querySelector(`a[href="${CSS.escape(link)}"]`);
  if (same) same.focus({ preventScroll: true });
  else if (focused) {
    const again = document.getElementById(focused);
    (again?.querySelector("summary") ?? again)?.focus({ preventScroll: true });
  }
  for (const [name, figure] of figures()) {
    if (before.has(name) && before.get(name) !== figure.textContent) {
      figure.classList.add("changed");
    }
  }
  writeTimes();
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/live", {
      headers: version ? { "If-None-Match": version } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 401) return location.assign("/login");
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.text());
      version = answer.headers.get("ETag") ?? "";
    }
    disconnected.hidden = true;
  } catch {
    disconnected.hidden = false;
  }
}

async function forever() {
  await refresh();
  setTimeout(forever, EVERY_MS);
}

// On a narrow screen a chart is wider than the page: begin with today in its middle.
for (const chart of live.querySelectorAll(".scroll[id]")) {
  chart.scrollLeft = (chart.scrollWidth - chart.clientWidth) / 2;
}
writeTimes();
setInterval(writeTimes, 1000);
document.addEventListener("visibilitychange", refresh);
setTimeout(forever, EVERY_MS);
