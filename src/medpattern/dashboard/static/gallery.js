// The last images side by side.

import { byId, element, list } from "./dom.js";
import { timeOfDay, words } from "./views.js";

// Each change costs this machine eighteen images to decode, and a reader's eyes their place.
const CHANGES_EVERY = 5_000;
const RETRY_AFTER = 4_000;
const TRIES = 4;
const KINDS = ["uploaded", "processed", "anonymised"];

let changed = 0;
let later;

/** Shows `latest`: at once, or a few seconds after the last change. */
export function showImages({ latest }) {
  clearTimeout(later);
  const wait = changed + CHANGES_EVERY - Date.now();
  if (wait > 0) {
    later = setTimeout(() => showImages({ latest }), wait);
    return;
  }
  const cards = byId("images");
  const shown = [...cards.children].map((card) => card.dataset.key);
  const same = shown.length === latest.length && latest.every((item, index) => shown[index] === item.resultId);
  // A link that somebody is about to follow stays where it is.
  if (!same && cards.contains(document.activeElement)) return;
  if (!same) changed = Date.now();
  byId("images-empty").hidden = latest.length > 0;
  list(cards, latest, (item) => item.resultId, makeCard, fillCard);
}

function makeCard(item) {
  const heading = element("h3", { class: "code" }, element("a", { href: `/results/${item.resultId}` }, item.image));
  const pictures = KINDS.map((kind) => makePicture(item, kind));
  return element("li", { class: "card" }, heading, element("p", { class: "facts" }),
    element("div", { class: "three" }, ...pictures));
}

function makePicture(item, kind) {
  const caption = element("figcaption", {}, kind);
  if (item.withheld && kind !== "uploaded") {
    return element("figure", {}, element("p", { class: "withheld" }, `withheld: ${words(item.withheld)}`), caption);
  }
  const size = { width: item.width, height: item.height };
  const image = element("img", { alt: `X-ray, ${kind}`, ...size, loading: "lazy", decoding: "async" });
  const source = `/thumbnails/${kind}/${item.resultId}`;
  let tries = 1;
  image.addEventListener("error", () => {
    tries += 1;
    if (tries <= TRIES) setTimeout(() => { image.src = source; }, RETRY_AFTER);
    else image.replaceWith(element("p", { class: "withheld" }, "not available"));
  });
  image.src = source;
  return element("figure", {}, image, caption);
}

function fillCard(card, item) {
  const risk = item.risk === null ? "no risk" : `risk ${item.risk.toFixed(2)}`;
  const marks = [item.simulated && "simulated", item.standIn && "stand-in model"];
  const facts = [risk, words(item.reason), `${timeOfDay(item.scored)} UTC`, ...marks];
  const text = facts.filter(Boolean).join(" · ");
  const line = card.children[1];
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  line.replaceChildren(element("strong", { class: `mark ${item.outcome}` }, item.outcome), ` ${text}`);
}
