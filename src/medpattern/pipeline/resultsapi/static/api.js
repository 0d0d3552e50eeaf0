// The API, as the page asks it: by the session's cookie, changes with the token that only this page knows.

import { byId, element, say } from "./dom.js";

let me;

/** What went wrong, in words for people. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `the server answered ${status}`);
    this.status = status;
    this.retry = status >= 500;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Problem(0, { detail: "the server cannot be reached" });
  }
  if (answer.ok) return answer;
  throw new Problem(answer.status, await answer.json().catch(() => null));
}

export const read = async (path) => (await ask(path)).json();

export async function post(path, content) {
  const headers = { "content-type": "application/json", "medpattern-csrf": me.csrf };
  return ask(path, { method: "POST", headers, body: JSON.stringify(content) });
}

/** Says what went wrong; where the session has ended, offers to sign in and come back. */
export function tell(problem, what, region = byId("status")) {
  if (problem.status === 401) {
    const back = element("a", { href: `/login?next=${encodeURIComponent(location.pathname)}` }, "Sign in again");
    say("", region);
    region.append("Your session has ended. ", back, ".");
    return;
  }
  say(`${what}: ${problem.message}.${problem.retry ? " Try again in a moment." : ""}`, region);
}

/** Who is signed in; fills the page's head. */
export async function begin() {
  me = await read("/api/me");
  byId("user").textContent = me.name;
  byId("sign-out").addEventListener("click", async () => {
    try {
      location.assign((await (await post("/logout", {})).json()).url);
    } catch (problem) {
      tell(problem, "Not signed out");
    }
  });
  return me;
}
