// Bringing the document up to date without touching what stays: focus and loaded images stay with their nodes.
// Texts go in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Makes `parent` hold one node for each item, in order: `make(item)` a new one, `fill(node, item)` any. */
export function list(parent, items, key, make, fill) {
  const before = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item, index) => {
    const name = String(key(item, index));
    const node = before.get(name) ?? make(item);
    node.dataset.key = name;
    before.delete(name);
    fill(node, item);
    return node;
  });
  for (const node of before.values()) node.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}

/** Rows of a table: the first cell heads its row; a cell is a text, or { text, className }. */
export function rows(body, items, key, cells, numeric = []) {
  const make = (item) => {
    const heads = cells(item).map((_, index) => (index === 0 ? element("th", { scope: "row" }) : element("td")));
    for (const index of numeric) heads[index].className = "number";
    return element("tr", {}, ...heads);
  };
  const fill = (row, item) =>
    cells(item).forEach((cell, index) => {
      const { text, className } = typeof cell === "object" ? cell : { text: cell };
      setText(row.children[index], text);
      if (className !== undefined) setAttribute(row.children[index], "class", className);
    });
  list(body, items, key, make, fill);
}

/** Rectangles of a chart: [x, y, width, height, class] in the units of its view box. */
export function bars(chart, rectangles) {
  while (chart.children.length > rectangles.length) chart.lastChild.remove();
  while (chart.children.length < rectangles.length) chart.append(document.createElementNS(SVG, "rect"));
  rectangles.forEach(([x, y, width, height, name], index) => {
    const sides = Object.entries({ x, y, width, height, class: name });
    sides.forEach(([key, value]) => setAttribute(chart.children[index], key, value));
  });
}
