import { parseTogether } from '../options.js';
import type { PromoCodeUse } from '../redemption/promo-code-use.js';
import { listCodes } from './code-list.js';
import { parseCode } from './code-rules.js';
import {
  createCode,
  deleteCode,
  ensureCode,
  findCode,
  findCodeByName,
  type Guarded,
  setActive,
  updateCode,
} from './codes.js';
import type { Call } from './context.js';
import type { Page } from './cursor.js';
import type { Id } from './fields.js';
import { generateCodes, patternIssues } from './generate.js';
import { type ImportReport, type ImportRows, importCodes, requireRowSource } from './import-codes.js';
import type {
  CreateInput,
  CustomerUsesInput,
  GenerateInput,
  ImportInput,
  ListInput,
  PageInput,
  ShopStatsInput,
  StatsInput,
  UpdateInput,
} from './input-types.js';
import {
  type CallOptions,
  type CodeOptions,
  GUARDED_READING,
  READING,
  type ReadCodeOptions,
  type ReadOptions,
  splitOptions,
  withField,
} from './options.js';
import type { PromoCode } from './promo-code.js';
import { type ShopStats, shopStats, type UsageStats, usageStats } from './usage-stats.js';
import { usesByCode, usesByCustomer } from './uses.js';
import { RepositoryBase, workOf } from './work.js';

/** The methods of a repository that make codes, find them and change them. */
export abstract class CodeMethods extends RepositoryBase {
  /**
   * Creates a code. It is stored as given, without the spaces around it. In the host's transaction it is gone after a
   * rollback.
   *
   * `perCustomerLimit` is 1 unless it is given: `null` lets a customer use the code as often as he likes.
   * @example
   * const code = await promoCodes.create({
   *   code: 'SUMMER', shopId: 'shop-1', bonusType: 'percentage', bonusValue: '15.15', maxBonus: '20.00',
   *   endDate: '2026-08-31T23:59:59+02:00', totalUsageLimit: 1000, perCustomerLimit: null,
   * });
   * @throws DuplicateCodeError when the shop has the code already, in whatever case.
   * @throws ValidationError also for a column of the host that must not be NULL and is not given, before anything is written.
   */
  create(input: CreateInput, options?: CallOptions): Promise<PromoCode> {
    const callee = 'create()';
    return workOf(this).run(
      callee,
      options,
      (schemas) => parseCode(schemas.create, input, callee, schemas.missingOfCode),
      createCode,
    );
  }

  /**
   * The code of this name in the shop as it is, or a new one where there is none: for the start of an application, where
   * `create` would throw the second time. A code that is there is not changed, whatever else the input says.
   *
   * Safe when many instances start at once. In the host's transaction a code that was created is gone after a rollback.
   * @example
   * await promoCodes.ensure({ code: 'WELCOME', shopId: 'shop-1', bonusValue: '5.00' });
   * @throws ValidationError as `create` does.
   */
  ensure(input: CreateInput, options?: CallOptions): Promise<PromoCode> {
    const callee = 'ensure()';
    return workOf(this).run(
      callee,
      options,
      (schemas) => parseCode(schemas.create, input, callee, schemas.missingOfCode),
      ensureCode,
    );
  }

  /**
   * Creates many codes from a template: random characters of a cryptographic source in an alphabet without look-alikes, by
   * default twelve of them (52 bits). In `pattern` `*` is any character, `@` a letter, `#` a digit, the rest stands for
   * itself. A code that exists already is replaced by another.
   *
   * Inserted in batches of 1,000, each a transaction of its own: what was committed stays when a later batch fails. With
   * `client` all of it is part of the host's transaction, and gone after a rollback.
   * With `customers` it makes one code for each of them, in their order, which nobody else can redeem.
   * @example
   * const codes = await promoCodes.generate({ shopId: 'shop-1', count: 10_000, prefix: 'XMAS-', bonusValue: 5 });
   * const sorry = await promoCodes.generate({ shopId: 'shop-1', customers: ['ann@example.com'], bonusValue: 10 });
   * @throws PromoCodesError with the code `PATTERN_EXHAUSTED` when the pattern has no new codes left.
   * @throws ValidationError also for a pattern whose codes could be guessed.
   */
  generate(input: GenerateInput, options?: CallOptions): Promise<PromoCode[]> {
    const callee = 'generate()';
    return workOf(this).run(
      callee,
      options,
      (schemas) =>
        parseCode(schemas.generate, input, callee, (code, wrong) => [
          ...patternIssues(code, wrong, schemas.longestCode),
          ...schemas.missingOfCode({ ...code, code: '' }, wrong),
        ]),
      async (call, given) => {
        const { count, customers, prefix, pattern, ...template } = given;
        return generateCodes(call, template, { count, customers, prefix, pattern });
      },
    );
  }

  /**
   * Creates the codes of a spreadsheet: rows of any iterable, such as an array, or the stream of a parser of CSV. A row is an
   * object of the fields of `create`, or an array of cells under a header with their names (`columns.tenant_id` for a column
   * of your own). A text is read as what its field takes (`'1000'`, `'yes'`, `'2026-12-31T23:59:59Z'`, `'none'` for no limit
   * and no end), and an empty cell is one that was left out.
   *
   * Faults are a value, each with its row. Where there is one, nothing is written, unless `faultyRows` is `'skip'`. A code
   * that the shop has already, or that an earlier row has, is skipped, so the same file can be imported again.
   *
   * Written in batches of 1,000, each a transaction of its own with its own deadline: what was committed stays when a later
   * one fails, and importing again goes on from there. (Where a connection breaks in the middle of a COMMIT, the rows of that
   * batch may be counted as skipped.) With `client` all of it is part of the host's transaction, and gone after a rollback.
   * What the iterable throws is thrown as it is.
   * @example
   * const rows = createReadStream('codes.csv').pipe(parse({ columns: true })); // csv-parse
   * const { created, skipped, faults } = await promoCodes.import(rows, { defaults: { shopId: 'shop-1' } });
   * for (const { path, message } of faults) console.log(path, message); // rows[17].bonusValue must be …
   * @throws ValidationError for options, and for what only the server refuses (a value for a column of yours); what is wrong
   * with a row otherwise is among the `faults`.
   */
  async import(rows: ImportRows, settings?: ImportInput & CallOptions, last?: CallOptions): Promise<ImportReport> {
    const { settings: given, options } = splitOptions(settings, last);
    return workOf(this).run(
      'import()',
      options,
      (schemas, parse) =>
        parseTogether({
          rows: () => requireRowSource(rows),
          schemas: () => schemas,
          settings: () => parse(schemas.import, given, 'settings'),
        }),
      (call, checked) =>
        importCodes(call, rows, checked.schemas, {
          defaults: given.defaults,
          faultyRows: checked.settings.faultyRows,
        }),
    );
  }

  /**
   * The code with this id, or `null`; with `shopId` among the options also for a code of another shop.
   * @example
   * const code = await promoCodes.findById(params.id, { shopId: session.shopId });
   */
  findById(id: Id, options?: ReadCodeOptions): Promise<PromoCode | null> {
    const find = (call: Call, code: Guarded) => findCode(call, code.id, code.shopId);
    return workOf(this).runOn('codeById', 'findById()', id, options, nothing, find, 'read');
  }

  /**
   * The code of this name in the shop (without one: in any), compared without case and outer spaces, or `null`. Where
   * several match it is the one that can be redeemed now, then the one that is written so, then the newest. Without a shop no
   * index helps.
   * @example
   * const code = await promoCodes.findByCode(' summer', 'shop-1');
   */
  findByCode(code: string, shopId?: Id, options?: ReadOptions): Promise<PromoCode | null> {
    return workOf(this).run(
      'findByCode()',
      options,
      (schemas, parse) => parse(schemas.findByCode, { code, shopId }, 'arguments'),
      (call, input) => findCodeByName(call, input.code, input.shopId),
      'read',
    );
  }

  /**
   * Codes, a page at a time. Pages are kept apart by what they are in the order of and the id, so codes that come or go
   * meanwhile shift nothing; a code whose place in the order changes between two pages can be on both or on neither.
   *
   * `state` is that of this moment by the database's clock and by the rules of `redeem`: both dates are inclusive, a column
   * of type `date` means the whole day, holds whose time has run out take no place, and the campaign of a code counts.
   * @example
   * const { items, nextCursor } = await promoCodes.list({ shopId: 'shop-1', state: 'redeemable', orderBy: 'endDate' });
   * const next = await promoCodes.list({ shopId: 'shop-1', state: 'redeemable', orderBy: 'endDate', cursor: nextCursor });
   */
  list(filter?: ListInput & ReadOptions, last?: ReadOptions): Promise<Page<PromoCode>> {
    const { settings, options } = splitOptions(filter, last, READING);
    return workOf(this).run(
      'list()',
      options,
      (schemas, parse) => parse(schemas.list, settings, 'filter'),
      listCodes,
      'read',
    );
  }

  /**
   * Changes a code; what the patch leaves out stays. The resulting code is checked as a whole. A limit may be lowered below
   * what is used: further uses are refused then. In the host's transaction it is undone by a rollback.
   * @example
   * await promoCodes.update(code.id, { totalUsageLimit: 500, endDate: null }, { shopId: 'shop-1' });
   * @throws NotFoundError also for a code of another shop than the `shopId` among the options.
   */
  update(id: Id, patch: UpdateInput, options?: CodeOptions): Promise<PromoCode> {
    return workOf(this).runOn(
      'codeById',
      'update()',
      id,
      options,
      (schemas, parse) => parse(schemas.patch, patch, 'patch'),
      (call, code, checked) => updateCode(call, code.id, code.shopId, checked),
    );
  }

  /**
   * Lets a code be redeemed again after `deactivate`. In the host's transaction it is undone by a rollback.
   * @example
   * await promoCodes.activate(code.id);
   * @throws NotFoundError also for a code of another shop than the `shopId` among the options.
   */
  activate(id: Id, options?: CodeOptions): Promise<PromoCode> {
    return workOf(this).runOn('codeById', 'activate()', id, options, nothing, (call, code) =>
      setActive(call, code.id, code.shopId, true),
    );
  }

  /**
   * After this has returned (with `client`: after the host's commit) no use of the code is added any more: it takes the lock
   * under which redemptions check. In the host's transaction it is undone by a rollback.
   * @example
   * await promoCodes.deactivate(code.id);
   * @throws NotFoundError also for a code of another shop than the `shopId` among the options.
   */
  deactivate(id: Id, options?: CodeOptions): Promise<PromoCode> {
    return workOf(this).runOn('codeById', 'deactivate()', id, options, nothing, (call, code) =>
      setActive(call, code.id, code.shopId, false),
    );
  }

  /**
   * Deletes a code, and with it its uses where the foreign key cascades, as in the seed. In the host's transaction both are
   * there again after a rollback.
   * @example
   * const deleted = await promoCodes.delete(code.id);
   * @returns the code as it was.
   * @throws NotFoundError also for a code of another shop than the `shopId` among the options.
   */
  delete(id: Id, options?: CodeOptions): Promise<PromoCode> {
    return workOf(this).runOn('codeById', 'delete()', id, options, nothing, (call, code) =>
      deleteCode(call, code.id, code.shopId),
    );
  }

  /**
   * The uses of a customer, compared without case and outer spaces, the newest first; with `shopId` those of the codes of one
   * shop.
   * @example
   * const { items } = await promoCodes.usesByCustomer('ann@example.com', { shopId: 'shop-1', limit: 20 });
   */
  usesByCustomer(
    customerAddress: Id,
    page?: CustomerUsesInput & ReadOptions,
    last?: ReadOptions,
  ): Promise<Page<PromoCodeUse>> {
    const { settings, options } = splitOptions(page, last, READING);
    return workOf(this).run(
      'usesByCustomer()',
      options,
      (schemas, parse) => parse(schemas.usesByCustomer, withField(settings, { customerAddress }), 'page'),
      (call, input) => usesByCustomer(call, input.customerAddress, input.shopId, input),
      'read',
    );
  }

  /**
   * The uses of a code, the newest first. A code of another shop than the `shopId` among the options has none, as one that
   * is not there.
   * @example
   * const { items, nextCursor } = await promoCodes.usesByCode(code.id, { limit: 100 });
   */
  usesByCode(promoCodeId: Id, page?: PageInput & ReadCodeOptions, last?: ReadCodeOptions): Promise<Page<PromoCodeUse>> {
    const { settings, options } = splitOptions(page, last, GUARDED_READING);
    return workOf(this).runGuarded(
      'usesByCode()',
      options,
      (schemas, parse) => parse(schemas.usesByCode, withField(settings, { promoCodeId }), 'page'),
      (call, input, shopId) => usesByCode(call, { id: input.promoCodeId, shopId }, input),
      'read',
    );
  }

  /**
   * Totals of a code and its last `days` (30), day by day in `timeZone` (UTC), days without a use included.
   * @example
   * const { totalBonus, perDay } = await promoCodes.usageStats(code.id, { days: 7, timeZone: 'Europe/Vienna' });
   * @throws NotFoundError also for a code of another shop than the `shopId` among the options.
   */
  usageStats(promoCodeId: Id, period?: StatsInput & ReadCodeOptions, last?: ReadCodeOptions): Promise<UsageStats> {
    const { settings, options } = splitOptions(period, last, GUARDED_READING);
    return workOf(this).runGuarded(
      'usageStats()',
      options,
      (schemas, parse) => parse(schemas.stats, withField(settings, { promoCodeId }), 'period'),
      (call, input, shopId) => usageStats(call, { id: input.promoCodeId, shopId }, input),
      'read',
    );
  }

  /**
   * The same over all codes, or over those of a shop, with the codes that were used most. A host without shops leaves
   * `shopId` out; what is given there is ignored.
   *
   * It reads every use of these codes in one statement, so it takes a time that grows with them (about a second for a
   * million): for a report, and not for every request.
   * @example
   * const { totalBonus, perDay, topCodes } = await promoCodes.shopStats({ shopId: 'shop-1', days: 7, top: 5 });
   */
  shopStats(period?: ShopStatsInput & ReadOptions, last?: ReadOptions): Promise<ShopStats> {
    const { settings, options } = splitOptions(period, last, READING);
    return workOf(this).run(
      'shopStats()',
      options,
      (schemas, parse) => parse(schemas.shopStats, settings, 'period'),
      shopStats,
      'read',
    );
  }
}

const nothing = () => undefined;
