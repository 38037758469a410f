"use strict";
// Draws each chart in its place. Expressions are interpreted (ast), so that nothing is compiled from text.
const page = JSON.parse(document.getElementById("chart-data").textContent);
const options = { actions: false, renderer: "svg", ast: true, formatLocale: page.formatLocale, tooltip: { theme: "light" } };
const drawn = Object.entries(page.charts).map(async ([name, spec]) => {
  const place = document.getElementById(`chart-${name}`);
  await drawChart(place, spec, options);
  place.dataset.drawn = "yes";
});
Promise.all(drawn).then(
  () => { document.documentElement.dataset.charts = "drawn"; },
  (error) => { document.documentElement.dataset.charts = "failed"; console.error(error); },
);
// On paper nothing is folded but the tables under charts.
const folded = () => document.querySelectorAll("details.prints");
window.addEventListener("beforeprint", () => folded().forEach((part) => { part.dataset.was = part.open; part.open = true; }));
window.addEventListener("afterprint", () => folded().forEach((part) => { part.open = part.dataset.was === "true"; }));
