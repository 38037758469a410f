"use strict";
// Draws each chart in its place. Expressions are interpreted (ast), so that nothing is compiled from text.
const page = JSON.parse(document.getElementById("chart-data").textContent);
const options = { actions: false, renderer: "svg", ast: true, formatLocale: page.formatLocale, tooltip: { theme: "light" } };
const views = [];
const drawn = Object.entries(page.charts).map(async ([name, spec]) => {
  const place = document.getElementById(`chart-${name}`);
  const { view } = await drawChart(place, spec, options);
  views.push([place, view]);
  // Vega names marks and axes in English; to who cannot see it, a chart is one picture, named in the page's language.
  place.querySelector("svg").setAttribute("aria-hidden", "true");
});
Promise.all(drawn).then(
  () => { document.documentElement.dataset.charts = "drawn"; },
  (error) => { document.documentElement.dataset.charts = "failed"; console.error(error); },
);
// On paper nothing is folded but the tables under charts. A chart over the whole page is drawn wider than it, and
// shrunk: so its longest names keep room beside it. The others have half of the page.
const PAPER = 760, HALF = 330;
const folded = () => document.querySelectorAll("details.prints");
window.addEventListener("beforeprint", () => {
  folded().forEach((part) => { part.dataset.was = part.open; part.open = true; });
  // Once set to what it happens to be between its names and its end, a width is no change: hence the zero before it.
  views.forEach(([place, view]) => view.width(0).width(place.closest(".grid") ? HALF : PAPER).run());
});
window.addEventListener("afterprint", () => {
  folded().forEach((part) => { part.open = part.dataset.was === "true"; });
  window.dispatchEvent(new Event("resize"));
});
