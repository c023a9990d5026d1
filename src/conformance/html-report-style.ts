/** The style of the HTML report, light and dark. */
export const REPORT_STYLE = `
:root {
  --ground: light-dark(#fff, #14171c); --raised: light-dark(#f5f6f8, #1c2027); --ink: light-dark(#1b1f26, #e4e7ec);
  --quiet: light-dark(#666e7a, #939caa); --line: light-dark(#e1e4e9, #2b313b); --focus: light-dark(#1b62c4, #7db0ff);
  --pass: light-dark(#146c3a, #5fd391); --pass-ground: light-dark(#e3f5ea, #14301f);
  --near: light-dark(#8a5a00, #eabf5a); --near-ground: light-dark(#fdf2d5, #35290e);
  --fail: light-dark(#b3201f, #ff8a80); --fail-ground: light-dark(#fde6e4, #421b1a);
  --none: light-dark(#596273, #a0a9b8); --none-ground: light-dark(#eceef2, #252b35);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
header { padding: 1.5rem clamp(1rem, 4vw, 3rem) 0.75rem; }
h1 { margin: 0; font-size: 1.5rem; letter-spacing: -0.01em; }
header p { margin: 0.15rem 0 1rem; color: var(--quiet); }
code { font: 0.87em ui-monospace, monospace; }
small { color: var(--quiet); font-weight: 400; white-space: nowrap; }
#filter { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
#filter input[type="search"] { flex: 1 1 16rem; max-width: 26rem; padding: 0.45rem 0.7rem; font: inherit; color: inherit;
  background: var(--raised); border: 1px solid var(--line); border-radius: 0.4rem; }
.chip, #expand { padding: 0.35rem 0.7rem; border-radius: 1rem; border: 1px solid var(--line); font: inherit; font-size: 0.85rem;
  cursor: pointer; user-select: none; background: var(--raised); color: var(--quiet); }
.chip input { position: absolute; opacity: 0; }
.chip:has(:checked) { border-color: currentColor; }
.chip:has(:focus-visible), button:focus-visible, code:focus-visible, input:focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
#shown { color: var(--quiet); font-size: 0.85rem; }
main { padding: 0 clamp(1rem, 4vw, 3rem) 4rem; }
table { border-collapse: separate; border-spacing: 0; width: 100%; }
thead { position: sticky; top: 0; z-index: 2; background: var(--ground); }
thead th { background: var(--ground); padding: 0.35rem 0.3rem 0.5rem; vertical-align: bottom; width: 6.3rem; min-width: 6.3rem; font-size: 0.85rem; }
thead tr:last-child th { border-bottom: 1px solid var(--line); }
thead td { border: 0; }
thead th.role { padding-bottom: 0; color: var(--quiet); font-size: 0.78rem; font-weight: 500; }
thead th.role span { display: block; border-bottom: 1px solid var(--line); padding-bottom: 0.2rem; }
thead th.what { text-align: left; width: auto; min-width: 23rem; }
thead th.what, thead td, tbody th { position: sticky; left: 0; z-index: 1; background: var(--ground); }
.agent { display: block; overflow-wrap: break-word; } .agent small { display: block; }
.bar { display: flex; height: 4px; gap: 1px; margin: 0.4rem 0 0.25rem; border-radius: 2px; overflow: hidden; }
.bar i { display: block; flex-basis: 0; }
.bar .pass { background: var(--pass); } .bar .non-strict { background: var(--near); }
.bar .fail { background: var(--fail); min-width: 2px; } .bar .fail[style$=":0"] { min-width: 0; } .bar .unimplemented { background: var(--line); }
.counts { display: block; min-height: 2.9em; font-size: 0.75rem; font-weight: 500; } b { white-space: nowrap; } .counts b, td b { margin: 0 0.1rem; }
.pass { color: var(--pass); } .non-strict { color: var(--near); } .fail { color: var(--fail); } .unimplemented { color: var(--none); }
tbody th { text-align: left; font-weight: 400; padding: 0.3rem 0.5rem; overflow-wrap: anywhere; }
tbody td { text-align: center; padding: 0.2rem 0.5rem; }
tr.title th button { all: unset; cursor: pointer; font-weight: 600; padding: 0.3rem 0; }
tr.title th button::before { content: "▸"; display: inline-block; width: 1.2em; color: var(--quiet); }
tr.title th button[aria-expanded="true"]::before { content: "▾"; }
tr.title td { font-size: 0.87rem; font-weight: 600; }
tr.title > * { border-top: 1px solid var(--line); }
td.non-strict { background: var(--near-ground); }
td.fail { background: var(--fail-ground); }
td.unimplemented { background: var(--none-ground); }
td { border-left: 4px solid var(--ground); }
td.none { color: var(--quiet); }
.group:not(.open) tr:not(.title), tr.hidden, tbody.hidden { display: none; }
.group tr:not(.title) th { padding-left: 6.2rem; text-indent: -4.5rem; } .group tr:not(.title) th code { display: inline-block; min-width: 4.2rem; text-indent: 0; color: var(--quiet); }
.group tr:not(.title):hover th { background: var(--raised); }
.group tr:not(.title) td:not(.none) { cursor: pointer; font-weight: 700; } .group tr:not(.title) td:not(.none):hover { box-shadow: inset 0 0 0 2px currentColor; }
dialog { width: min(64rem, 94vw); max-height: 88vh; border: 1px solid var(--line); border-radius: 0.7rem; padding: 0;
  background: var(--ground); color: var(--ink); box-shadow: 0 1rem 4rem #0006; }
dialog::backdrop { background: #0007; }
dialog > form { position: sticky; top: 0; float: right; padding: 0.6rem; }
dialog > form button { font: 1.3rem/1 system-ui; background: none; border: 0; color: var(--quiet); cursor: pointer; padding: 0.3rem 0.6rem; }
#wire { padding: 1.25rem 1.5rem 1.5rem; }
#wire h2 { margin: 0 2rem 0.25rem 0; font-size: 1.1rem; } #wire p { margin: 0.2rem 0; }
.verdict { display: inline-block; padding: 0.1rem 0.55rem; border-radius: 1rem; font-weight: 600; font-size: 0.87rem; }
.verdict.pass { background: var(--pass-ground); } .verdict.non-strict { background: var(--near-ground); }
.verdict.fail { background: var(--fail-ground); } .verdict.unimplemented { background: var(--none-ground); }
#wire ol { list-style: none; margin: 1rem 0 0; padding: 0; border-top: 1px solid var(--line); }
#wire li { display: grid; grid-template-columns: 5rem 1.6rem 1fr; gap: 0.2rem 0.5rem; padding: 0.45rem 0.3rem; border-bottom: 1px solid var(--line); }
#wire time { color: var(--quiet); font-size: 0.8rem; text-align: right; padding-top: 0.12rem; font-variant-numeric: tabular-nums; }
#wire .sent .way { color: var(--focus); } #wire .received .way { color: var(--near); } #wire .event { color: var(--quiet); font-style: italic; }
#wire .hex { font: 0.78rem/1.5 ui-monospace, monospace; color: var(--quiet); overflow-wrap: anywhere; }
#wire .who, #keys { color: var(--quiet); } #keys { margin: 0; padding: 0 1.5rem 1rem; font-size: 0.8rem; }
#wire .word { overflow-wrap: anywhere; }
@media (max-width: 50rem) { thead th { min-width: 5rem; } thead th.what { min-width: 14rem; } .group tr:not(.title) th { padding-left: 1rem; text-indent: 0; } .group tr:not(.title) small { display: none; } }
`;
