// Single keys as shortcuts. They can be turned off, for those whose voice or switch makes letters by itself.

import { byId } from "./dom.js";

const STORED = "medpattern-keys";
const TYPING = "input:not([type=radio]):not([type=checkbox]), textarea, select";

/** `actions`: key to what it does. */
export function listen(actions) {
  const help = byId("keys");
  const toggle = byId("keys-on");
  toggle.checked = localStorage.getItem(STORED) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(STORED, toggle.checked ? "on" : "off"));
  const show = () => help.showModal();
  byId("show-keys").addEventListener("click", show);
  document.addEventListener("keydown", (event) => {
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.target.matches(TYPING);
    if (busy || !toggle.checked || document.querySelector("dialog[open]")) return;
    const action = event.key === "?" ? show : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
