// Small pieces of the document. Texts go in as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** In a live region the same text again would not be spoken. */
export function say(text, region = byId("status")) {
  region.replaceChildren();
  region.append(text);
}

export const words = (code) => code.replaceAll("-", " ");

const clock = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});

export const time = (text) => element("time", { datetime: text }, clock.format(new Date(text)));

export const mark = (outcome) => element("strong", { class: `mark ${outcome}` }, outcome);

export const risk = (result) => (result.risk === null ? "no risk: the model refused the image" : `risk ${result.risk.toFixed(2)}`);

/** Names the models of these results in the notice, and whether one of them is a stand-in. */
export function nameModels(results) {
  const names = new Set(results.map(({ model }) => `${model.name} ${model.version}`));
  if (names.size === 0) return;
  const list = [...names].join(", ");
  byId("models").textContent = `By the model ${list} alone, until a reader has said what is right.`;
  byId("stand-in").hidden = !results.some(({ model }) => model.standIn);
}
