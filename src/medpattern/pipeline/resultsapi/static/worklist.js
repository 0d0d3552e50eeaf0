// The list: what is to be read, or all results.

import { begin, read, tell } from "./api.js";
import { byId, element, mark, nameModels, risk, say, time, words } from "./dom.js";
import { listen } from "./keys.js";

const TITLES = { worklist: "Worklist", results: "All results" };
let shown = [];
let next = null;
let asked = 0;

const isAll = () => byId("view").value === "results";

function query(after) {
  const names = isAll() ? ["outcome", "state", "from", "to"] : ["outcome"];
  const wanted = names.map((name) => [name, byId(name).value]).filter(([, value]) => value);
  if (after) wanted.push(["after", after]);
  return `/api/${byId("view").value}?${new URLSearchParams(wanted)}`;
}

function row(result) {
  const marks = [
    result.reason && words(result.reason),
    `model ${result.model.name} ${result.model.version}`,
    result.simulated && "simulated",
    result.withheld && "images withheld",
    result.state === "final" && `read by ${result.verdicts.at(-1).reader}: ${words(result.verdicts.at(-1).opinion)}`,
  ];
  const text = marks.filter(Boolean).join(" · ");
  const link = element("a", { href: `/results/${result.id}` }, mark(result.outcome), ` ${risk(result)}`,
    element("span", { class: "code image" }, result.image));
  return element("li", { class: "row" }, link,
    element("p", { class: "quiet" }, "scored ", time(result.scored), ` · ${text}`));
}

function count() {
  if (shown.length === 0) return isAll() ? "No result fits." : "Nothing is left to be read.";
  const many = `${shown.length}${next ? " or more" : ""}`;
  return `${many} ${shown.length === 1 && !next ? "result" : "results"}${isAll() ? "" : " to be read"}.`;
}

async function load(after = null) {
  asked += 1;
  const mine = asked;
  try {
    const page = await read(query(after));
    // An answer to an older question comes too late.
    if (mine !== asked) return;
    const list = byId("list");
    const rows = page.results.map(row);
    if (after) list.append(...rows);
    else list.replaceChildren(...rows);
    shown = after ? [...shown, ...page.results] : page.results;
    next = page.next;
    byId("more").hidden = next === null;
    nameModels(shown);
    say(count());
    if (after) rows[0]?.querySelector("a").focus();
  } catch (problem) {
    tell(problem, "The list cannot be read");
  }
}

function choose() {
  for (const label of document.querySelectorAll(".only-all")) label.hidden = !isAll();
  byId("title").textContent = TITLES[byId("view").value];
  load();
}

/** Moves the focus `step` results on; from anywhere else to the first. */
function move(step) {
  const links = [...byId("list").querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  links[at === -1 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1)]?.focus();
}

byId("filters").addEventListener("change", choose);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", () => load(next));
listen({ j: () => move(1), k: () => move(-1), m: () => next && load(next), r: () => load() });
begin().then(choose, (problem) => tell(problem, "The page cannot begin"));
