/** A group of bars with a name. */
export interface ChartGroup {
  readonly title: string;
  readonly bars: readonly ChartBar[];
}

/** A bar. */
export interface ChartBar {
  /** Which series it belongs to: it has the colour of it. */
  readonly series: string;
  readonly value: number;
  /** What stands behind it. */
  readonly text: string;
}

/** What a chart shows. */
export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  /** The value that is as long as the chart is wide; longer bars are cut, and marked. */
  readonly fullValue: number;
  /** A value to draw a line at, with its name. */
  readonly line?: { readonly value: number; readonly text: string };
  /** The series, in the order of their colours. */
  readonly series: readonly string[];
  readonly groups: readonly ChartGroup[];
}

/** Of Okabe and Ito, told apart by everybody, and visible on white and on black. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#8a8f98", "#cc79a7", "#b58900"] as const;
const MIN_LABEL_WIDTH = 310;
/** A little more than a character takes on average. */
const CHARACTER_WIDTH = 6.6;
const FULL_WIDTH = 440;
const TEXT_WIDTH = 110;
const BAR_HEIGHT = 13;
const BAR_STEP = 16;
const GROUP_GAP = 14;
const TOP = 94;

/** Draws horizontal bars as SVG, readable on light and dark pages. */
export function barChart({ title, subtitle, fullValue, line, series, groups }: Chart): string {
  const longest = Math.max(...groups.map((group) => group.title.length));
  const labelWidth = Math.max(MIN_LABEL_WIDTH, Math.ceil(longest * CHARACTER_WIDTH) + 26);
  const width = labelWidth + FULL_WIDTH + TEXT_WIDTH;
  const parts: string[] = [];
  let y = TOP;
  for (const group of groups) {
    const middle = y + (group.bars.length * BAR_STEP) / 2 + 3;
    parts.push(
      `<text class="t" x="${labelWidth - 12}" y="${middle}" text-anchor="end">${escaped(group.title)}</text>`,
    );
    for (const bar of group.bars) {
      const isCut = bar.value > fullValue;
      const length = Math.max(1.5, (Math.min(bar.value, fullValue) / fullValue) * FULL_WIDTH);
      const colour = COLOURS[series.indexOf(bar.series) % COLOURS.length];
      const text = `${escaped(bar.text)}${isCut ? " →" : ""}`;
      parts.push(
        `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${colour}"><title>${escaped(`${group.title}, ${bar.series}: ${bar.text}`)}</title></rect>`,
        `<text class="v" x="${(labelWidth + length + 6).toFixed(1)}" y="${y + BAR_HEIGHT - 2.5}">${text}</text>`,
      );
      y += BAR_STEP;
    }
    y += GROUP_GAP;
  }
  if (line !== undefined) {
    const x = (labelWidth + (line.value / fullValue) * FULL_WIDTH).toFixed(1);
    // Behind the bars and their texts.
    parts.unshift(
      `<line class="l" x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${y - GROUP_GAP + 4}"/>`,
      `<text class="v" x="${x}" y="${TOP - 12}" text-anchor="middle">${escaped(line.text)}</text>`,
    );
  }
  const legend = series.map((name, index) => {
    const x = labelWidth + (index * (width - labelWidth)) / Math.max(series.length, 4);
    return `<rect x="${x.toFixed(1)}" y="52" width="11" height="11" rx="2" fill="${COLOURS[index % COLOURS.length]}"/><text class="t" x="${(x + 16).toFixed(1)}" y="62">${escaped(name)}</text>`;
  });
  const height = y + 4;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(`${title}. ${subtitle}`)}">
<style>
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.h { font-size: 15px; font-weight: 600 }
.v, .s { fill: #59636e; font-size: 11px }
.v { stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
.l { stroke: #8a8f98; stroke-dasharray: 3 3 }
.b { fill: #ffffff }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .v, .s { fill: #9198a1 } .v { stroke: #0d1117 } .b { fill: #0d1117 } }
</style>
<rect class="b" width="${width}" height="${height}" rx="6"/>
<text class="h" x="14" y="24">${escaped(title)}</text>
<text class="s" x="14" y="40">${escaped(subtitle)}</text>
${[...legend, ...parts].join("\n")}
</svg>
`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
