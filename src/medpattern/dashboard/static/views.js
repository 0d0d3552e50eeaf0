// Each part of the page from its part of a snapshot.

import { bars, byId, rows, setAttribute, setText } from "./dom.js";

const OUTCOMES = ["normal", "unsure", "pneumonia"];
const EMBEDDED = { s3: "object store", kafka: "broker" };

const integer = new Intl.NumberFormat("en-GB");
const percent = new Intl.NumberFormat("en-GB", { style: "percent", maximumFractionDigits: 1 });
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const whole = (number) => integer.format(number);
const count = (number, one) => `${whole(number)} ${one}${number === 1 ? "" : "s"}`;

export const words = (code) => code.replaceAll("-", " ");
export const timeOfDay = (text) => text.slice(11, 19);

export function showRun({ phase, reporting, model, embedded, figures }) {
  const chip = byId("phase");
  setText(chip, reporting ? phase : "not reporting");
  chip.dataset.phase = reporting ? phase : "lost";
  setText(byId("model-line"), model ? modelLine(model) : "No model is named yet.");
  showWarnings(model, figures);
  const named = embedded.map((part) => EMBEDDED[part] ?? part).join(", ");
  const none = "Nothing is embedded: object store, broker and database are real servers.";
  const said = named ? `Embedded in this run, for trying out only: ${named}.` : none;
  setText(byId("embedded"), phase === "starting" ? "" : said);
}

function modelLine({ name, version, sha256, operatingPoint, low, high }) {
  const bounds = low === null || high === null ? "" : ` (unsure from ${low} to ${high})`;
  const point = operatingPoint ? `, operating point ${operatingPoint}${bounds}` : "";
  return `Model ${name} ${version}, sha256 ${sha256.slice(0, 12)}…${point}.`;
}

function showWarnings(model, figures) {
  byId("stand-in").hidden = !(model?.standIn || figures?.outcomes.standIn > 0);
  const simulated = figures?.outcomes.simulated ?? 0;
  const results = figures?.accounts.results ?? 0;
  byId("simulated").hidden = simulated === 0;
  const share = simulated === results ? "All" : `${whole(simulated)} of ${whole(results)}`;
  setText(byId("simulated").lastElementChild, `${share} of the images that have a result show no patient.`);
}

export function showBooks({ stored, expected, figures: { accounts } }) {
  const settled = accounts.results + accounts.deadLetters + accounts.superseded;
  const open = Math.max(0, stored - settled);
  const { results, deadLetters: dead, superseded, quarantined, duplicates, notifications, nameless } = accounts;
  const numbers = { results, dead, superseded, open, quarantined, duplicates, notifications, nameless };
  for (const [id, number] of Object.entries(numbers)) setText(byId(id), whole(number));
  setText(byId("stored"), whole(stored) + (expected === null ? "" : ` of ${whole(expected)}`));
  const all = Math.max(expected ?? 0, stored, settled);
  let x = 0;
  const parts = Object.entries({ results, dead, superseded, open }).map(([name, number]) => {
    const width = (1000 * number) / Math.max(all, 1);
    x += width;
    return [x - width, 0, width, 14, name];
  });
  bars(byId("books-chart"), parts);
  setAttribute(byId("books-chart"), "aria-label", `${whole(settled)} of ${count(all, "image")} accounted for.`);
}

export function showOutcomes({ outcomes }) {
  const total = sum(OUTCOMES.map((name) => outcomes[name]));
  const share = (name) => (total ? percent.format(outcomes[name] / total) : "–");
  const cells = (name) => [{ text: name, className: `mark ${name}` }, whole(outcomes[name]), share(name)];
  rows(byId("outcomes"), OUTCOMES, (name) => name, cells, [1, 2]);
}

export function showRate({ throughput }) {
  const highest = Math.max(...throughput);
  const recent = (sum(throughput.slice(-5)) / 5).toFixed(1);
  const mean = (sum(throughput) / throughput.length).toFixed(1);
  setText(byId("rate-now"), recent);
  setText(byId("rate-top"), `highest ${highest} in a second`);
  const scale = 68 / Math.max(highest, 1);
  const bar = (number, index) => [index * 10 + 1, 70 - number * scale, 8, Math.max(number * scale, 1)];
  bars(byId("rate-chart"), throughput.map((number, index) => [...bar(number, index), number ? "rate" : "none"]));
  const said = `mean ${mean}, highest ${highest}, last five seconds ${recent}`;
  setAttribute(byId("rate-chart"), "aria-label", `Results per second over the last minute: ${said}.`);
  const starts = [0, 10, 20, 30, 40, 50];
  const cells = (start) => [`${60 - start} to ${50 - start}`, whole(sum(throughput.slice(start, start + 10)))];
  rows(byId("rate-table"), starts, (start) => start, cells, [1]);
}

export function showLatency({ latency }) {
  const seconds = (value) => (value === null ? "–" : value.toFixed(value < 100 ? 2 : 0));
  const cells = ({ name, p50, p95, p99 }) => [name, seconds(p50), seconds(p95), seconds(p99)];
  rows(byId("latency"), latency, (row) => row.name, cells, [1, 2, 3]);
  const images = Math.max(...latency.map((row) => row.count));
  setText(byId("latency-caption"), `Seconds; ${images ? `the newest ${count(images, "result")}` : "no result yet"}`);
}

export function showRisk({ risk, outcomes }) {
  const sums = risk.map((bin) => sum(OUTCOMES.map((name) => bin[name])));
  const highest = Math.max(...sums);
  const width = 600 / risk.length;
  const stacks = risk.flatMap((bin, index) => {
    let y = 128;
    return OUTCOMES.filter((name) => bin[name] > 0).map((name) => {
      const height = (124 * bin[name]) / highest;
      y -= height;
      return [index * width + 2, y, width - 4, Math.max(height - 1, 1), name];
    });
  });
  bars(byId("risk-chart"), [[0, 128, 600, 1, "none"], ...stacks]);
  const peak = risk[sums.indexOf(highest)];
  const known = sum(sums);
  const said = `Risk of ${count(known, "result")} in steps of 0.05; most lie from ${peak.low} to ${peak.high}.`;
  setAttribute(byId("risk-chart"), "aria-label", known ? said : "No result has a risk yet.");
  const without = sum(OUTCOMES.map((name) => outcomes[name])) - known;
  setText(byId("risk-note"), without ? `Without a risk, since the model refused the image: ${whole(without)}.` : "");
  const bounds = (bin) => `${bin.low.toFixed(2)} to ${bin.high.toFixed(2)}`;
  const cells = (bin) => [bounds(bin), ...OUTCOMES.map((name) => whole(bin[name]))];
  rows(byId("risk-table"), risk, (bin) => bin.low, cells, [1, 2, 3]);
}

export function showStages({ stages }) {
  const cells = ({ name, state, answer, restarts, pid }) => [
    name,
    { text: state, className: `state ${state}` },
    { text: answer || "–", className: answer && answer !== "ready" ? "warn" : "" },
    whole(restarts),
    pid === null ? "–" : String(pid),
  ];
  rows(byId("stages"), stages, (stage, index) => `${index}-${stage.name}`, cells, [3, 4]);
}

export function showLetters({ deadLetters, accounts }) {
  byId("letters-empty").hidden = deadLetters.length > 0;
  byId("letters-region").hidden = deadLetters.length === 0;
  const total = accounts.deadLetters + accounts.nameless;
  const some = `The newest ${deadLetters.length} of ${whole(total)}`;
  setText(byId("letters-caption"), deadLetters.length < total ? some : "The newest first");
  const cells = (letter) => [
    { text: letter.image ?? "names no image", className: letter.image ? "code" : "quiet" },
    words(letter.reason),
    letter.detail || "–",
    letter.retryable ? "yes" : "no",
    whole(letter.attempts),
    whole(letter.replays),
    `${letter.last.slice(0, 10)} ${timeOfDay(letter.last)}`,
  ];
  rows(byId("letters"), deadLetters, (letter) => letter.id, cells, [4, 5]);
}
