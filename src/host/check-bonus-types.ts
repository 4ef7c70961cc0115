import type { CatalogColumn } from './catalog.js';
import type { DescriptionCheck } from './check-description.js';
import type { HostDescription } from './description.js';
import { foldWord } from './structure.js';

type BonusTypes = HostDescription['codes']['bonusTypes'];

/** The host's words for types of bonus, where the column takes only some: words have to be labels of its enum. */
export function bonusTypeFaults(column: CatalogColumn, bonusTypes: BonusTypes, path: string): DescriptionCheck {
  const check: DescriptionCheck = { faults: [], notRedeemable: [] };
  if (column.enumLabels === null) return check;
  const labels = column.enumLabels.map(foldWord);
  const at = { path, role: 'bonusType' } as const;
  const mayBe = `one of its labels: ${column.enumLabels.join(', ')}`;
  let words = 0;
  for (const type of ['fixed', 'percentage'] as const) {
    for (const word of bonusTypes[type]) {
      if (labels.includes(foldWord(word))) words += 1;
      // The default is nobody's description.
      else if (word !== type) check.faults.push({ ...at, is: `never holds '${word}' of bonusTypes.${type}`, mayBe });
    }
  }
  if (words === 0 && check.faults.length === 0) {
    const is = `is an enum of ${column.enumLabels.join(', ')}: bonusTypes says which of them is fixed and which a percentage`;
    check.notRedeemable.push({ ...at, is });
  }
  return check;
}
