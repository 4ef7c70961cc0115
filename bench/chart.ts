import * as echarts from 'echarts';
import type { Comparison, Goal, Measured, Panel } from './comparison.js';
import { figure, measuredValue, ratio } from './format.js';
import type { Report } from './report.js';
import type { Role } from './side-by-side.js';

const WIDTH = 1_000;
const LEFT = 235;
const RIGHT = 230;
const TOP = 96;
const PANEL_TITLE = 44;
const PANEL_GAP = 18;
const BAR = 17;
const CATEGORY_GAP = 20;

const ROLES: readonly Role[] = [
  ...([
    'plain',
    'bareRows',
    'bareInsert',
    'bareUpdate',
    'ours',
    'hash',
    'range',
    'unbatched',
    'optimistic',
    'onRead',
    'seed',
    'campaignRow',
  ] as const),
];
const colours: Record<Role, string> = {
  plain: '#a3acb8',
  bareRows: '#c4cad1',
  bareInsert: '#a3acb8',
  bareUpdate: '#7f8a97',
  ours: '#0b6e99',
  hash: '#0b6e99',
  range: '#6fb1cc',
  unbatched: '#6fb1cc',
  optimistic: '#c7b23b',
  onRead: '#b48ab8',
  seed: '#e08a3c',
  campaignRow: '#8c6d31',
};
const roleNames: Record<Role, string> = {
  plain: 'no triggers or bare query',
  bareRows: 'bare rows in batches',
  bareInsert: 'bare insert',
  bareUpdate: 'bare counter',
  ours: 'pg-promo-codes',
  hash: 'partitions by hash',
  range: 'partitions by time',
  unbatched: 'batching: false',
  optimistic: 'optimistic locking',
  onRead: 'counted on read',
  seed: "the seed's design",
  campaignRow: 'five round trips, a campaign locked',
};
const INK = '#1f2933';
const FAINT = '#5b6673';

interface PlacedPanel {
  panel: Panel;
  comparisons: Comparison[];
  roles: Role[];
  top: number;
  height: number;
}

/** One picture: a panel for each axis, a group of bars for each benchmark, and the ratio at the end of each bar. */
export function drawChart({ title, configuration, comparisons }: Report): string {
  const panels = placePanels(comparisons);
  const last = panels.at(-1)!;
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: WIDTH,
    height: last.top + last.height + 30,
  });
  const { PostgreSQL, CPU, fsync, synchronous_commit: commit, date } = configuration;
  const subtitle = `PostgreSQL ${PostgreSQL}, fsync ${fsync}, synchronous_commit ${commit}, ${CPU}, ${date}. Medians; × is the ratio to the reference bar of a group.`;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'Helvetica, Arial, sans-serif', color: INK },
    title: [
      textAt(title, 20, 14, { fontSize: 19, fontWeight: 'bold', color: INK }),
      textAt(subtitle, 20, 42, { fontSize: 12, fontWeight: 'normal', color: FAINT }),
      ...panels.map(({ panel, top }) =>
        textAt(axisTitle(panel), 20, top - PANEL_TITLE + 12, { fontSize: 14, fontWeight: 'bold', color: INK }),
      ),
    ],
    legend: { top: 66, left: 14, itemGap: 44, data: legendOf(panels), textStyle: { fontSize: 13 } },
    // Without outer bounds every panel begins at the same place, however long its labels are.
    grid: panels.map(({ top, height }) => ({
      left: LEFT,
      right: RIGHT,
      top,
      height,
      outerBoundsMode: 'none' as const,
    })),
    xAxis: panels.map(({ panel }, gridIndex) => ({
      gridIndex,
      type: panel.logarithmic ? 'log' : 'value',
      axisLabel: { show: false },
      splitLine: { show: false },
      // A bar on a logarithmic axis needs somewhere to begin.
      ...(panel.logarithmic && { min: 1 }),
    })),
    yAxis: panels.map(({ comparisons: ofPanel }, gridIndex) => ({
      gridIndex,
      type: 'category',
      inverse: true,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: '#cbd2d9' } },
      data: ofPanel.map(categoryName),
      axisLabel: {
        margin: 12,
        lineHeight: 17,
        rich: {
          name: { fontSize: 13, color: INK },
          goal: { fontSize: 12, color: FAINT },
          missed: { fontSize: 12, color: '#b42318', fontWeight: 'bold' },
        },
      },
    })),
    series: panels.flatMap((placed, index) => placed.roles.map((role) => seriesOf(placed, index, role))),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

function legendOf(panels: PlacedPanel[]): string[] {
  return ROLES.filter((role) => panels.some(({ roles }) => roles.includes(role))).map((role) => roleNames[role]);
}

function placePanels(comparisons: readonly Comparison[]): PlacedPanel[] {
  const titles = [...new Set(comparisons.map(({ panel }) => panel.title))];
  let top = TOP + PANEL_TITLE;
  return titles.map((title) => {
    const ofPanel = comparisons.filter(({ panel }) => panel.title === title);
    const roles = ROLES.filter((role) => ofPanel.some(({ measured }) => measured.some((one) => one.role === role)));
    const height = ofPanel.length * (roles.length * BAR + CATEGORY_GAP);
    const placed = { panel: ofPanel[0]!.panel, comparisons: ofPanel, roles, top, height };
    top += height + PANEL_GAP + PANEL_TITLE;
    return placed;
  });
}

function seriesOf({ comparisons, panel }: PlacedPanel, index: number, role: Role) {
  return {
    type: 'bar' as const,
    name: roleNames[role],
    xAxisIndex: index,
    yAxisIndex: index,
    barWidth: BAR - 3,
    barGap: `${(3 / (BAR - 3)) * 100}%`,
    itemStyle: { color: colours[role] },
    data: comparisons.map(({ measured }) => {
      const design = measured.find((one) => one.role === role);
      if (!design) return { value: 0 };
      return {
        value: design.median,
        label: {
          show: true,
          position: 'right' as const,
          formatter: barLabel(design, panel),
          // Padding and not spaces: the widths of letters differ between fonts, and spaces at the ends are dropped.
          rich: {
            strong: { fontWeight: 'bold' as const, color: INK, padding: [0, 10, 0, 0] },
            faint: { color: FAINT, padding: [0, 0, 0, 12] },
          },
          fontSize: 12,
          verticalAlign: 'middle' as const,
          color: INK,
        },
      };
    }),
  };
}

function barLabel({ role, label, median, ratio: against }: Measured, { unit }: Panel): string {
  const value = figure(median, unit);
  const name = label === roleNames[role] ? '' : `{faint|${label}}`;
  return against ? `{strong|${ratio(against.median)}}${value}${name}` : `${value}${name}`;
}

function categoryName({ shortName, goals }: Comparison): string {
  return [`{name|${shortName}}`, ...goals.map(goalLine)].join('\n');
}

function goalLine(goal: Goal): string {
  const what = goal.unit === '×' ? 'goal' : goal.of;
  const limit = `${what} ${goal.direction === 'at most' ? '≤' : '≥'} ${Number(goal.limit.toPrecision(3))}${goal.unit}`;
  return goal.reached
    ? `{goal|${limit}: ${measuredValue(goal)} ✓}`
    : `{missed|${limit}: ${measuredValue(goal)}, missed}`;
}

function axisTitle({ title, unit, logarithmic }: Panel): string {
  const meaning = unit === 'ms' ? 'milliseconds, shorter is better' : 'per second, longer is better';
  return `${title} (${meaning}${logarithmic ? '; logarithmic' : ''})`;
}

function textAt(text: string, left: number, top: number, textStyle: Record<string, unknown>) {
  return { text, left, top, padding: 0, textStyle };
}
