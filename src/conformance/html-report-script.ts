/** What makes the HTML report filter itself and show wires. It runs in a browser, and the page is readable without. */
export const REPORT_SCRIPT = `
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const filter = document.getElementById("filter");
const groups = [...document.querySelectorAll("tbody.group")];
const rows = groups.map((group) => [...group.querySelectorAll("tr.case")]);
const ways = { sent: ["→", "sent by the suite"], received: ["←", "received by the suite"], event: ["·", ""] };

function setOpen(group, isOpen) {
  group.classList.toggle("open", isOpen);
  group.querySelector("button[aria-expanded]").setAttribute("aria-expanded", String(isOpen));
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
      const fits = row.dataset.verdicts.split(" ").some((verdict) => verdicts.has(verdict)) &&
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
async function wiresOf(agent) {
  const bytes = Uint8Array.from(atob(data.wires[agent]), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
document.querySelector("main").addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-id]");
  if (button === null) return;
  const { id, agent } = button.dataset;
  const wires = await (unpacked[agent] ??= wiresOf(agent));
  const view = document.getElementById("wire");
  const [verdict] = button.parentElement.classList;
  const row = button.closest("tr").firstElementChild;
  const list = element("ol");
  for (const entry of wires[id] ?? []) {
    const item = element("li", entry.direction);
    const [arrow, title] = ways[entry.direction];
    const way = element("span", "way", arrow);
    way.title = title;
    const content = element("div");
    for (const word of entry.words) content.append(element("div", "word", word));
    if (entry.byteLength > 0) {
      const shown = entry.hex.replace(/../g, "$& ");
      const more = entry.byteLength * 2 > entry.hex.length ? "… " + entry.byteLength + " bytes" : "";
      content.append(element("div", "hex", shown + more));
    }
    item.append(element("time", "", entry.atMs + " ms"), way, content);
    list.append(item);
  }
  const { agent: name, tested } = data.agents[agent];
  const result = element("p");
  result.append(element("span", "verdict " + verdict, button.textContent + " " + button.title));
  view.replaceChildren(element("h2", "", row.textContent), element("p", "", name + " as " + tested), result, list);
  document.getElementById("details").showModal();
});
document.getElementById("details").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});
`;
