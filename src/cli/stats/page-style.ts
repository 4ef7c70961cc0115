/** The look of the page: colours of the system, a column that fits a phone, and black on white on paper. */
export const PAGE_STYLE = `
:root { --ink: #1f2933; --faint: #52606d; --line: #d5dbe1; --paper: #ffffff; --bar: #0b6e99; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf2; --faint: #a3b1bf; --line: #3a4754; --paper: #14191f; --bar: #4fb3dd; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.25rem; font-size: 1.2rem; }
header p, section > p { margin: 0.25rem 0; color: var(--faint); overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; margin: 1.5rem 0; }
dt { color: var(--faint); font-size: 0.875rem; }
dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
figure { margin: 1.25rem 0; break-inside: avoid; }
figcaption { margin-bottom: 0.5rem; }
svg { display: block; width: 100%; height: 9rem; border-bottom: 1px solid var(--faint); }
rect { fill: var(--bar); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
rect:hover { fill: var(--ink); }
.axis { display: flex; justify-content: space-between; color: var(--faint); font-size: 0.875rem; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; margin-top: 0.75rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.75rem 0.35rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
.number { text-align: right; }
summary { cursor: pointer; }
@media print {
  :root { --ink: #000000; --faint: #444444; --line: #bbbbbb; --paper: #ffffff; --bar: #0b6e99; }
  main { max-width: none; padding: 0; }
  details:not([open]) { display: none; }
  .wide { overflow: visible; }
}
`;
