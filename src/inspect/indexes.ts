import type { HostTable } from '../host/description.js';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogIndex } from './catalog.js';
import { type ComparedObject, compared } from './object-state.js';

/** An index on a host's table that redeeming is fast by. */
export interface IndexDefinition {
  name: string;
  table: HostTable;
  /** What it is of, for `CREATE INDEX`. */
  columns: string;
  /** Whether only a partitioned table needs it. */
  ofPartitioned?: boolean;
  /** What the definitions of the first two columns of such an index match, in a script, without quotes. */
  pattern: string;
  /** Whether an index of the host does the same, whatever its name. */
  serves(index: CatalogIndex): boolean;
}

/** An index that is not there and can be built. */
export interface MissingIndex {
  definition: IndexDefinition;
  object: ComparedObject;
}

/** A customer's uses of a code are counted by it, for redeeming and for enforceLimits. */
function customerIndex(layout: Layout): IndexDefinition | undefined {
  const { promoCodeId, customerAddress } = layout.uses.columns;
  if (promoCodeId === null || customerAddress === null) return undefined;
  const isFolded = layout.customerMatching === 'folded';
  const folded = isFolded
    ? 'pg_catalog.lower(pg_catalog.btrim(:"customer_address"::text))'
    : '(:"customer_address"::text)';
  return {
    name: `${layout.uses.name === 'promo_code_uses' ? 'promo_code_uses' : 'promo_code'}_code_customer_idx`,
    table: 'uses',
    columns: renderSqlFile(`(:"promo_code_id", ${folded})`, layout),
    pattern: isFolded
      ? `^${escaped(promoCodeId)} lower[(]btrim[(]+${escaped(customerAddress)}[)]*(::text)?[)]+$`
      : `^${escaped(promoCodeId)} [(]*${escaped(customerAddress)}[)]*(::text)?[)]*$`,
    serves: ({ isPartial, keys, functions, ofColumns }) =>
      !isPartial &&
      keys[0] === promoCodeId &&
      (isFolded
        ? keys[1] === '' &&
          ['lower', 'btrim'].every((name) => functions?.includes(name)) &&
          ofColumns?.includes(customerAddress) === true
        : keys[1] === customerAddress ||
          (keys[1] === '' && ofColumns?.includes(customerAddress) === true && !functions?.length)),
  };
}

/**
 * A customer's uses of all codes of a campaign are counted by it, however many codes that has. It costs every redemption, so it is
 * wanted only where there are campaigns.
 */
function campaignIndex(layout: Layout): IndexDefinition | undefined {
  const { customerAddress } = layout.uses.columns;
  if (customerAddress === null) return undefined;
  const isFolded = layout.customerMatching === 'folded';
  const of = `[(]*${escaped(customerAddress)}[)]*(::text)?[)]*`;
  return {
    name: `${layout.uses.name === 'promo_code_uses' ? 'promo_code_uses' : 'promo_code'}_customer_idx`,
    table: 'uses',
    columns: renderSqlFile(
      isFolded ? '(pg_catalog.lower(pg_catalog.btrim(:"customer_address"::text)))' : '((:"customer_address"::text))',
      layout,
    ),
    pattern: isFolded ? `^lower[(]btrim${of}` : `^${of}`,
    serves: ({ isPartial, keys, functions, ofColumns }) =>
      !isPartial &&
      (isFolded
        ? keys[0] === '' &&
          ['lower', 'btrim'].every((name) => functions?.includes(name)) &&
          ofColumns?.includes(customerAddress) === true
        : keys[0] === customerAddress ||
          (keys[0] === '' && ofColumns?.includes(customerAddress) === true && !functions?.length)),
  };
}

/** The statements that create it, for hosts that do it themselves. */
export function campaignIndexStatements(layout: Layout): string[] {
  const index = campaignIndex(layout);
  if (!index) return [];
  const table = `${quoteIdentifier(layout.schema)}.${quoteIdentifier(layout.uses.name)}`;
  return [`CREATE INDEX IF NOT EXISTS ${index.name} ON ${table} ${index.columns};`];
}

/** A use is found by its id; the key of a partitioned table may begin with another column. */
function useIndex(layout: Layout): IndexDefinition | undefined {
  const { id } = layout.uses.columns;
  if (id === null) return undefined;
  return {
    name: `${layout.uses.name === 'promo_code_uses' ? 'promo_code_uses' : 'promo_code'}_use_id_idx`,
    table: 'uses',
    columns: renderSqlFile('(:"use_id")', layout),
    ofPartitioned: true,
    pattern: `^${escaped(id)}( |$)`,
    serves: ({ isPartial, keys }) => !isPartial && keys[0] === id,
  };
}

/** Codes are found by it, compared without case. */
function codeIndex(layout: Layout): IndexDefinition | undefined {
  const { code, shopId } = layout.codes.columns;
  if (code === null) return undefined;
  const upper = `upper[(]+${escaped(code)}[)]*(::text)?[)]+`;
  const shop = shopId === null ? '' : `${escaped(shopId)} `;
  return {
    name: `${layout.codes.name === 'promo_codes' ? 'promo_codes' : 'promo_code'}_shop_code_idx`,
    table: 'codes',
    columns: renderSqlFile(
      shopId === null ? '(pg_catalog.upper(:"code"::text))' : '(:"code_shop_id", pg_catalog.upper(:"code"::text))',
      layout,
    ),
    pattern: `^(${shop}${upper}|${upper}${shop.trim() === '' ? '' : ` ${shop.trim()}`}) ?$`,
    serves: ({ isPartial, keys, functions, ofColumns }) => {
      const first = keys.slice(0, shopId === null ? 1 : 2);
      return (
        !isPartial &&
        first.includes('') &&
        (shopId === null || first.includes(shopId)) &&
        functions?.length === 1 &&
        functions[0] === 'upper' &&
        ofColumns?.[0] === code
      );
    },
  };
}

/** All of them that these tables should have. */
export function indexDefinitions(
  layout: Layout,
  { hasCampaigns }: Pick<Catalog, 'hasCampaigns'> = { hasCampaigns: false },
): IndexDefinition[] {
  const all = [
    ...[codeIndex(layout), customerIndex(layout), useIndex(layout)],
    hasCampaigns ? campaignIndex(layout) : undefined,
  ];
  return all.filter((definition) => definition !== undefined);
}

function escaped(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/**
 * The indexes that redeeming is fast by, where they are not there and can be built. Without them everything is right, only
 * slower, so they are no part of what is inspected, but for the one that `enforceLimits` asks for.
 */
export function missingIndexes(layout: Layout, catalog: Catalog): MissingIndex[] {
  return indexDefinitions(layout, catalog)
    .filter(({ table, ofPartitioned }) => {
      const found = catalog.tables[table];
      return found !== undefined && (!ofPartitioned || found.kind === 'p');
    })
    .map((definition) => ({ definition, object: indexState(layout, catalog, definition) }))
    .filter(({ object }) => object.state !== 'ok');
}

/** The index that `enforceLimits` counts a customer's uses by. */
export function customerIndexState(layout: Layout, catalog: Catalog): ComparedObject[] {
  const definition = customerIndex(layout);
  return definition ? [indexState(layout, catalog, definition)] : [];
}

/**
 * An index of the host that serves is enough. One that was left behind by a build that failed is built anew; one of the host
 * that only has the name keeps it.
 */
function indexState(layout: Layout, catalog: Catalog, definition: IndexDefinition): ComparedObject {
  const { table, columns } = definition;
  const ofTable = catalog.indexes.filter(({ part }) => part === table);
  if (ofTable.some((index) => index.valid && definition.serves(index))) {
    return compared({ kind: 'index', name: definition.name }, 'ok');
  }
  const isOurName = (name: string) => name.replace(/_\d+$/, '') === definition.name;
  const left = ofTable.find((index) => !index.valid && definition.serves(index) && isOurName(index.name));
  const name = left?.name ?? freeName(definition.name, catalog);
  const object = { kind: 'index', name } as const;
  const concurrently = catalog.tables[table]?.kind === 'p' ? '' : 'CONCURRENTLY ';
  const schema = quoteIdentifier(layout.schema);
  const drop = `DROP INDEX ${concurrently}${schema}.${name};`;
  const create = `CREATE INDEX ${concurrently}${name} ON ${schema}.${quoteIdentifier(layout[table].name)} ${columns};`;
  return compared(object, left ? 'outdated' : 'missing', left ? [drop, create] : [create]);
}

function freeName(name: string, { takenNames }: Catalog): string {
  if (!takenNames.includes(name)) return name;
  let suffix = 2;
  while (takenNames.includes(`${name}_${suffix}`)) suffix += 1;
  return `${name}_${suffix}`;
}
