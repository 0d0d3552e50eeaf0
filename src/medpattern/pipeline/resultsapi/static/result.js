// One result: its image, what the model says, what readers say.

import { begin, post, read, tell } from "./api.js";
import { byId, element, mark, nameModels, risk, say, time, words } from "./dom.js";
import { listen } from "./keys.js";

const OPINIONS = { agree: "agrees", disagree: "disagrees", "other-finding": "reports another finding" };
let result;
let blob;

const checked = (name) => document.querySelector(`input[name=${name}]:checked`)?.value;

function choose(name, value) {
  const radio = document.querySelector(`input[name=${name}][value=${value}]`);
  if (!radio || radio.closest("[hidden]")) return;
  radio.checked = true;
  radio.focus();
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}

function fact(name, value) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, value));
}

function showResult() {
  byId("image").textContent = result.image;
  document.title = `${result.outcome}: ${result.image.slice(0, 8)} · X-ray results`;
  nameModels([result]);
  byId("simulated").hidden = !result.simulated;
  const reason = result.reason ? `, ${words(result.reason)}` : "";
  byId("outcome").replaceChildren(mark(result.outcome), `${reason}, ${risk(result)}`);
  const { name, version, sha256 } = result.model;
  byId("facts").replaceChildren(
    fact("Model", `${name} ${version}, sha256 ${sha256.slice(0, 12)}…`),
    fact("Operating point", result.operatingPoint),
    fact("Scored", time(result.scored)),
    fact("Taken", result.acquired ? time(result.acquired) : result.acquiredLocal ?? "not known"),
    fact("Patient", element("span", { class: "code" }, result.patient ?? "not known")),
  );
  byId("report").href = `/api/results/${result.id}/report`;
  showVerdicts();
  byId("content").hidden = false;
}

function showVerdicts() {
  byId("no-verdict").hidden = result.verdicts.length > 0;
  byId("verdicts").replaceChildren(...result.verdicts.map((verdict) => {
    const said = element("p", {}, element("strong", {}, `${verdict.reader} ${OPINIONS[verdict.opinion]}`), ", ", time(verdict.given));
    return element("li", {}, said, ...(verdict.comment ? [element("p", { class: "comment" }, verdict.comment)] : []));
  }));
}

function showPicture(source, text, caption) {
  if (blob) URL.revokeObjectURL(blob);
  blob = source.startsWith("blob:") ? source : undefined;
  const picture = byId("picture");
  picture.alt = text;
  picture.src = source;
  picture.hidden = false;
  byId("withheld").hidden = true;
  byId("caption").textContent = caption;
  picture.parentElement.classList.toggle("is-original", blob !== undefined);
}

function showWithheld(text) {
  byId("picture").hidden = true;
  byId("picture").removeAttribute("src");
  byId("withheld").textContent = text;
  byId("withheld").hidden = false;
  byId("caption").textContent = "";
  byId("picture").parentElement.classList.remove("is-original");
}

async function showImage(again = true) {
  const kind = checked("kind");
  if (result.withheld) {
    showWithheld(`Withheld: ${words(result.withheld)}. A reader with the right role may see the original.`);
    return;
  }
  try {
    const { url } = await read(`/api/results/${result.id}/images/${kind}`);
    // The address lasts a minute: a picture that comes too late is asked for once more.
    byId("picture").onerror = () => (again ? showImage(false) : showWithheld("The image cannot be loaded."));
    const drawn = kind === "processed" ? "with the result beside it" : "without the result";
    showPicture(url, `Chest X-ray without identity, ${drawn}`, `${result.width} × ${result.height} pixels, without identity`);
  } catch (problem) {
    tell(problem, "The image cannot be shown");
  }
}

async function store() {
  const opinion = checked("opinion");
  const form = byId("verdict");
  if (form.hidden || !form.reportValidity()) return;
  byId("save").disabled = true;
  try {
    const answer = await post(`/api/results/${result.id}/verdicts`, { opinion, comment: byId("comment").value });
    result.verdicts.push(await answer.json());
    form.reset();
    showVerdicts();
    await findNext();
    say(`Your verdict is stored: ${words(opinion)}.`);
    byId("next").focus();
  } catch (problem) {
    tell(problem, "The verdict is not stored");
  } finally {
    byId("save").disabled = false;
  }
}

async function findNext() {
  const { results } = await read("/api/worklist?limit=2");
  const other = results.find(({ id }) => id !== result.id);
  byId("next").href = other ? `/results/${other.id}` : "/";
  byId("next").textContent = other ? "Next to be read" : "Nothing else is to be read: to the worklist";
}

function askForOriginal() {
  if (byId("original").hidden) return;
  say("", byId("ask-status"));
  byId("ask").showModal();
}

async function showOriginal(event) {
  event.preventDefault();
  const form = event.submitter?.value === "file" ? "file" : "picture";
  const buttons = byId("ask").querySelectorAll("button[name=form]");
  for (const button of buttons) button.disabled = true;
  say("Looking for it …", byId("ask-status"));
  try {
    const answer = await post(`/api/images/${result.image}/original`, { purpose: byId("purpose").value, form });
    const address = URL.createObjectURL(await answer.blob());
    if (form === "picture") {
      for (const radio of document.querySelectorAll("input[name=kind]")) radio.checked = false;
      const caption = "ORIGINAL: it may show who the patient is. That you saw it is written down.";
      showPicture(address, "Original chest X-ray; it may show who the patient is", caption);
    } else {
      const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition"))[1];
      element("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1_000);
    }
    byId("ask-form").reset();
    byId("ask").close();
    say(form === "picture" ? "The original is shown." : "The original is saved.");
  } catch (problem) {
    tell(problem, "The original cannot be shown", byId("ask-status"));
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function open() {
  const me = await begin();
  result = await read(`/api/results/${location.pathname.split("/").at(-1)}`);
  showResult();
  byId("verdict").hidden = !me.roles.includes("reader");
  byId("may-not").hidden = me.roles.includes("reader");
  byId("original").hidden = !me.roles.includes("identifier");
  await Promise.all([showImage(), findNext()]);
  document.body.dataset.ready = "yes";
}

byId("kinds").addEventListener("change", () => showImage());
byId("verdict").addEventListener("submit", (event) => {
  event.preventDefault();
  store();
});
byId("comment").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) store();
});
byId("original").addEventListener("click", askForOriginal);
byId("ask-form").addEventListener("submit", showOriginal);
byId("ask-close").addEventListener("click", () => byId("ask").close());
listen({
  1: () => choose("opinion", "agree"),
  2: () => choose("opinion", "disagree"),
  3: () => choose("opinion", "other-finding"),
  c: () => byId("comment").focus(),
  s: store,
  n: () => location.assign(byId("next").href),
  u: () => location.assign("/"),
  w: () => choose("kind", "processed"),
  a: () => choose("kind", "anonymised"),
  o: askForOriginal,
});
open().catch((problem) => tell(problem, "The result cannot be shown"));
