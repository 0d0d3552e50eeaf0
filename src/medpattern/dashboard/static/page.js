// The live page: takes each snapshot of /api/stream and brings the document up to it.

import { byId, setText } from "./dom.js";
import { showImages } from "./gallery.js";
import { showBooks, showLatency, showLetters, showOutcomes, showRate, showRisk, showRun, showStages } from "./views.js";

// The server says something every five seconds, news or not.
const STALE_AFTER = 12_000;
const SPEAK_EVERY = 8_000;
const CONNECT_AFTER = 3_000;

let newest;
let heard = 0;
let paused = false;
let spoke = 0;
let speakLater;

/** The live region changes when the sentence does, and not more often than it can be spoken. */
function speak(sentence) {
  clearTimeout(speakLater);
  const region = byId("headline");
  const wait = region.textContent === "" ? 0 : spoke + SPEAK_EVERY - Date.now();
  if (region.textContent === sentence) return;
  if (wait > 0) {
    speakLater = setTimeout(() => speak(sentence), wait);
    return;
  }
  spoke = Date.now();
  setText(region, sentence);
}

function show(snapshot) {
  showRun(snapshot);
  showStages(snapshot);
  if (snapshot.figures) {
    showBooks(snapshot);
    for (const part of [showOutcomes, showRate, showLatency, showRisk, showImages, showLetters]) part(snapshot.figures);
  }
  document.body.dataset.figures = snapshot.figures ? "known" : "away";
  speak(snapshot.headline);
}

function showLink() {
  const stale = newest !== undefined && Date.now() - heard > STALE_AFTER;
  const state = stale ? "stale" : paused ? "paused" : newest === undefined ? "waiting" : "live";
  const since = new Date(heard).toISOString().slice(11, 19);
  const texts = { stale: `no answer since ${since} UTC`, waiting: "connecting …" };
  byId("link").dataset.link = state;
  setText(byId("link"), texts[state] ?? state);
  document.body.dataset.link = state;
  if (stale) speak("This page gets no answer any more; it shows what was last known.");
  else if (newest !== undefined && !paused) speak(newest.headline);
}

function hear(event) {
  heard = Date.now();
  if (event.type === "snapshot") newest = JSON.parse(event.data);
  if (event.type === "snapshot" && !paused) show(newest);
  showLink();
}

function connect() {
  const stream = new EventSource("/api/stream");
  stream.addEventListener("snapshot", hear);
  stream.addEventListener("beat", hear);
  stream.addEventListener("error", () => {
    // The browser tries again by itself unless it was answered with an error.
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, CONNECT_AFTER);
  });
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  if (!paused && newest !== undefined) show(newest);
  showLink();
});
setInterval(showLink, 1_000);
connect();
