// What an accessibility checker would look for, as a function of the document: a list of faults, empty when all is well.
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const say = (node) => `${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ""} "${node.textContent.trim().slice(0, 30)}"`;

  if (!document.documentElement.lang) faults.push("the document names no language");
  if (!document.title.trim()) faults.push("the document has no title");
  for (const name of ["header", "main", "h1"]) {
    if (all(name).length !== 1) faults.push(`${all(name).length} of ${name}`);
  }
  const levels = all("h1, h2, h3, h4").filter(shown).map((node) => Number(node.tagName[1]));
  levels.forEach((level, index) => {
    if (level > (levels[index - 1] ?? 0) + 1) faults.push(`heading ${index} jumps to level ${level}`);
  });
  const ids = all("[id]").map((node) => node.id);
  for (const id of ids.filter((name, index) => ids.indexOf(name) !== index)) faults.push(`two of id ${id}`);
  for (const node of all("[aria-labelledby], [aria-describedby]")) {
    const names = `${node.getAttribute("aria-labelledby") ?? ""} ${node.getAttribute("aria-describedby") ?? ""}`;
    for (const id of names.trim().split(/\s+/)) if (!document.getElementById(id)) faults.push(`nothing is called ${id}`);
  }
  for (const node of all("section")) if (!node.getAttribute("aria-labelledby")) faults.push(`section without name ${say(node)}`);
  for (const node of all("img")) if (!node.hasAttribute("alt")) faults.push(`image without alternative ${node.src}`);
  for (const node of all("svg")) {
    if (node.getAttribute("role") !== "img" || !node.getAttribute("aria-label")) faults.push("chart without alternative");
  }
  for (const node of all("a[href], button, summary")) {
    const name = node.getAttribute("aria-label") ?? `${node.textContent}${[...node.querySelectorAll("img")].map((image) => image.alt)}`;
    if (!name.trim()) faults.push(`control without name ${say(node)}`);
  }
  for (const node of all("table")) {
    if (!node.caption?.textContent.trim()) faults.push("table without caption");
    if ([...node.querySelectorAll("th")].some((head) => !head.scope)) faults.push(`heading of a table without scope`);
    for (const row of node.tBodies[0].rows) if (row.cells[0].tagName !== "TH") faults.push(`row without heading ${say(row)}`);
  }
  for (const node of all("ul, ol")) {
    if ([...node.children].some((child) => child.tagName !== "LI")) faults.push(`list with other than items ${say(node)}`);
  }
  for (const node of all("[tabindex]")) if (node.tabIndex > 0) faults.push(`tab order set by hand ${say(node)}`);
  for (const node of all("*").filter((node) => node.scrollWidth > node.clientWidth + 1 && shown(node))) {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
    if (scrolls && node.tabIndex !== 0) faults.push(`scrolls, and no key reaches it ${say(node)}`);
  }

  // Contrast (WCAG 2.2, 1.4.3 and 1.4.11): text 4.5, parts of charts 3.
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).slice(0, 3).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (node) => {
    for (let place = node; place; place = place.parentElement) {
      const colour = getComputedStyle(place).backgroundColor;
      if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !shown(node) || node.closest("noscript, svg")) continue;
    texts += 1;
    const ratio = contrast(getComputedStyle(node).color, behind(node));
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)} of ${say(node)}`);
  }
  if (texts < 20) faults.push(`only ${texts} texts were looked at`);
  for (const node of all("rect:not(.none)").filter((rect) => Number(rect.getAttribute("width")) > 0)) {
    const ratio = contrast(getComputedStyle(node).fill, behind(node));
    if (ratio < 3) faults.push(`contrast ${ratio.toFixed(2)} of a bar .${node.getAttribute("class")}`);
  }
  return faults;
}
