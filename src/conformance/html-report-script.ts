/** What makes the HTML report filter itself and show wires. It runs in a browser, and the page is readable without. */
export const REPORT_SCRIPT = `
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const filter = document.getElementById("filter");
const groups = [...document.querySelectorAll("tbody.group")];
const rows = groups.map((group) => [...group.rows].slice(1));
const verdictsOf = (row) => [...row.cells].slice(1).map((cell) => cell.className);
const ways = { sent: ["→", "sent by the suite"], received: ["←", "received by the suite"], event: ["·", ""] };

function setOpen(group, isOpen) {
  if (isOpen) addButtons(group);
  group.classList.toggle("open", isOpen);
  group.querySelector("button[aria-expanded]").setAttribute("aria-expanded", String(isOpen));
}
// A button for each cell, thousands, would hold up the page; one for each row is enough for the keyboard.
function addButtons(group) {
  if (group.dataset.ready) return;
  group.dataset.ready = "true";
  for (const id of group.querySelectorAll("tr:not(.title) > th > code")) {
    id.tabIndex = 0;
    id.setAttribute("role", "button");
  }
}
for (const group of groups) {
  group.querySelector("tr.title button").addEventListener("click", () => setOpen(group, !group.classList.contains("open")));
}
function apply() {
  const words = filter.elements.text.value.toLowerCase().trim();
  const boxes = [...filter.querySelectorAll("[name=verdict]")];
  const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const isFiltered = words !== "" || verdicts.size < boxes.length;
  let shown = 0;
  groups.forEach((group, i) => {
    let count = 0;
    for (const row of rows[i]) {
      const fits = verdictsOf(row).some((verdict) => verdicts.has(verdict)) &&
        row.textContent.toLowerCase().includes(words);
      row.classList.toggle("hidden", !fits);
      if (fits) count++;
    }
    group.classList.toggle("hidden", count === 0);
    if (isFiltered) setOpen(group, count > 0 && (words !== "" || verdicts.size < boxes.length));
    shown += count;
  });
  document.getElementById("shown").textContent = isFiltered ? shown + " cases" : "";
}
filter.addEventListener("input", apply);
filter.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("expand").addEventListener("click", (event) => {
  const isOpen = !groups.every((group) => group.classList.contains("open"));
  for (const group of groups) setOpen(group, isOpen);
  event.target.textContent = isOpen ? "Close all" : "Open all";
});

const unpacked = [];
async function casesOf(group) {
  const bytes = Uint8Array.from(atob(data.wires[group]), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
function wireItem([atMs, direction, byteLength, hex, words]) {
  const item = element("li", direction);
  const [arrow, title] = ways[direction];
  const way = element("span", "way", arrow);
  way.title = title;
  const content = element("div");
  for (const word of words) content.append(element("div", "word", word));
  if (hex !== "") {
    const more = byteLength * 2 > hex.length ? "… " + byteLength + " bytes" : "";
    content.append(element("div", "hex", hex.replace(/../g, "$& ") + more));
  }
  item.append(element("time", "", atMs + " ms"), way, content);
  return item;
}
let shownCell;
async function show(cell) {
  const row = cell.parentElement;
  const i = groups.indexOf(row.parentElement);
  const agent = cell.cellIndex - 1;
  const cases = await (unpacked[i] ??= casesOf(i));
  const [verdict, reason, durationMs, wire] = cases[rows[i].indexOf(row)][agent];
  const { agent: name, tested } = data.agents[agent];
  const result = element("p");
  result.append(element("span", "verdict " + verdict, cell.textContent + " " + verdict), " " + (reason || ""));
  const list = element("ol");
  list.append(...wire.map(wireItem));
  const [id, text, section] = ["code", "span", "small"].map((part) => row.querySelector(part).textContent);
  const head = element("h2");
  head.append(element("code", "", id), " " + text);
  const who = element("p", "who", name + " as " + tested + " · " + section + " · " + durationMs + " ms");
  document.getElementById("wire").replaceChildren(head, who, result, list);
  const details = document.getElementById("details");
  if (!details.open) details.showModal();
  details.scrollTop = 0;
  shownCell = cell;
}
document.querySelector("main").addEventListener("click", (event) => {
  const cell = event.target.closest("tr:not(.title) > td:not(.none)");
  if (cell !== null) show(cell);
});
document.querySelector("main").addEventListener("keydown", (event) => {
  if (event.target.tagName !== "CODE" || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  show(event.target.closest("tr").querySelector("td:not(.none)"));
});
// In the dialog, the arrow keys go to the next case or agent.
document.getElementById("details").addEventListener("keydown", (event) => {
  const [down, across] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [];
  if (down === undefined) return;
  event.preventDefault();
  let row = shownCell.parentElement;
  let column = shownCell.cellIndex;
  for (;;) {
    for (row = down < 0 ? row.previousElementSibling : down > 0 ? row.nextElementSibling : row; row?.classList.contains("hidden"); )
      row = down < 0 ? row.previousElementSibling : row.nextElementSibling;
    column += across;
    const cell = row?.cells[column];
    if (!cell || column === 0 || row.classList.contains("title")) return;
    if (!cell.classList.contains("none")) return void show(cell);
  }
});
document.getElementById("details").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});
`;
