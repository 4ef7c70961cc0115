import type { Campaign } from '../../campaigns/campaign.js';
import type { PromoCode } from '../../repository/promo-code.js';
import type { DayOfUsage } from '../../repository/usage-stats.js';
import { PAGE_STYLE } from './page-style.js';
import { type CodeStats, type CodesStats, NEAR_PERCENT } from './read-stats.js';
import {
  describeCampaign,
  describeCode,
  describeEnd,
  describeIssued,
  describeUses,
  usedUpCells,
} from './stats-text.js';

/**
 * A page that needs nothing beside it, in light and dark, on a phone and on paper. Each chart has its figures in a table, for
 * whoever does not see it.
 */
export function statsPage(stats: CodeStats | CodesStats, now: Date): string {
  const isCode = 'promoCode' in stats;
  const name = isCode
    ? stats.promoCode.code
    : stats.shopId === null
      ? 'All codes'
      : `Codes of the shop ${stats.shopId}`;
  const title = escapeHtml(`${name}: uses of promo codes`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(name)}</h1>
<p>${isCode ? `${escapeHtml(describeCode(stats.promoCode))}; ` : ''}as of <time datetime="${now.toISOString()}">${now.toISOString().slice(0, 16).replace('T', ' ')} UTC</time></p>
</header>
${figures(isCode ? codeFigures(stats) : shopFigures(stats))}
${perDaySection(stats)}
${isCode ? '' : codesSection('Most used', stats.topCodes, 'No code has been used yet.')}
${isCode ? '' : codesSection('Near their limit or budget', stats.nearLimit, `No code has used up ${NEAR_PERCENT} % of its limit or budget.`)}
${isCode || stats.campaigns.length === 0 ? '' : campaignsSection(stats.campaigns)}
</main>
</body>
</html>
`;
}

type Figure = [name: string, value: string];

function codeFigures({ promoCode, averageBonus, distinctCustomers, campaign }: CodeStats): Figure[] {
  return [
    ['Uses', describeUses(promoCode)],
    ['Bonus issued', describeIssued(promoCode)],
    ['Average bonus', averageBonus],
    ['Customers', distinctCustomers.toLocaleString('en')],
    ['Ends', describeEnd(promoCode)],
    ...(campaign ? [['Campaign', describeCampaign(campaign)] satisfies Figure] : []),
  ];
}

function shopFigures({
  codes,
  activeCodes,
  totalUses,
  totalBonus,
  averageBonus,
  distinctCustomers,
}: CodesStats): Figure[] {
  return [
    ['Codes', `${codes.toLocaleString('en')} (${activeCodes.toLocaleString('en')} active)`],
    ['Uses', totalUses.toLocaleString('en')],
    ['Bonus issued', totalBonus],
    ['Average bonus', averageBonus],
    ['Customers', distinctCustomers.toLocaleString('en')],
  ];
}

function figures(all: readonly Figure[]): string {
  const items = all.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl class="figures">\n${items.join('\n')}\n</dl>`;
}

function perDaySection({ perDay, timeZone }: CodeStats | CodesStats): string {
  const [first, last] = [perDay[0], perDay.at(-1)];
  if (!first || !last) return '<p>The uses of these tables have no time, so there is no chart.</p>';
  const rows = perDay.map(({ date, uses, bonus }) => [date, uses.toLocaleString('en'), bonus]);
  return `<section>
<h2>Per day</h2>
<p>${first.date} to ${last.date}, days of ${escapeHtml(timeZone)}</p>
${barChart('Uses per day', perDay, ({ uses }) => uses, String)}
${barChart(
  'Bonus per day',
  perDay,
  ({ bonus }) => Number(bonus),
  (value, day) => day?.bonus ?? value.toFixed(2),
)}
<details>
<summary>The figures</summary>
${htmlTable(['Day', 'Uses', 'Bonus'], rows)}
</details>
</section>`;
}

const HEIGHT = 100;

/** Bars as wide as the page lets them be; the words around them are text, so that they keep their size. */
function barChart(
  title: string,
  perDay: readonly DayOfUsage[],
  amountOf: (day: DayOfUsage) => number,
  label: (value: number, day?: DayOfUsage) => string,
): string {
  const max = Math.max(...perDay.map(amountOf));
  const peak = perDay.find((day) => amountOf(day) === max)!;
  const summary =
    max > 0 ? `at most ${label(max, peak)}, on ${peak.date}` : `none on any of these ${perDay.length} days`;
  const bars = perDay.map((day, index) => {
    const height = max > 0 ? (amountOf(day) / max) * HEIGHT : 0;
    const box = `x="${index + 0.1}" y="${(HEIGHT - height).toFixed(2)}" width="0.8" height="${height.toFixed(2)}"`;
    return `<rect ${box}><title>${day.date}: ${escapeHtml(label(amountOf(day), day))}</title></rect>`;
  });
  return `<figure>
<figcaption>${title}: ${escapeHtml(summary)}</figcaption>
<svg viewBox="0 0 ${perDay.length} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}: ${escapeHtml(summary)}">
${bars.join('\n')}
</svg>
<div class="axis" aria-hidden="true"><span>${perDay[0]!.date}</span><span>${perDay.at(-1)!.date}</span></div>
</figure>`;
}

function codesSection(title: string, codes: readonly PromoCode[], none: string): string {
  if (codes.length === 0) return `<section>\n<h2>${title}</h2>\n<p>${none}</p>\n</section>`;
  const rows = codes.map((code) => [code.code, code.shopId, ...usedUpCells(code)]);
  return `<section>\n<h2>${title}</h2>\n${htmlTable(['Code', 'Shop', ...USED_UP], rows)}\n</section>`;
}

function campaignsSection(campaigns: readonly Campaign[]): string {
  const rows = campaigns.map((campaign) => [campaign.name, campaign.shopId, ...usedUpCells(campaign)]);
  return `<section>\n<h2>Campaigns</h2>\n${htmlTable(['Campaign', 'Shop', ...USED_UP], rows)}\n</section>`;
}

const USED_UP = ['Uses', 'Limit', 'Used up', 'Issued', 'Ends (UTC)'];

function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumber = (column: number) => rows.every((row) => /^[\d,.]*( %)?$/.test(row[column] ?? ''));
  const kinds = head.map((_, column) => (isNumber(column) ? ' class="number"' : ''));
  const titles = head.map((title, column) => `<th scope="col"${kinds[column]}>${escapeHtml(title)}</th>`);
  const lines = rows.map(
    (row) => `<tr>${row.map((cell, column) => `<td${kinds[column]}>${escapeHtml(cell)}</td>`).join('')}</tr>`,
  );
  return `<div class="wide" role="region" tabindex="0" aria-label="Table"><table>
<thead><tr>${titles.join('')}</tr></thead>
<tbody>
${lines.join('\n')}
</tbody>
</table></div>`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
