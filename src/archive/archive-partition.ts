import carrySql from '../../sql/archive/carry-partition.sql';
import carryCustomersSql from '../../sql/archive/carry-partition-customers.sql';
import keepSql from '../../sql/archive/keep-partition.sql';
import holdsSql from '../../sql/archive/open-holds.sql';
import ownTriggersSql from '../../sql/archive/own-triggers.sql';
import partitionSql from '../../sql/archive/partition.sql';
import { ValidationError } from '../errors.js';
import { columnOf } from '../host/catalog.js';
import { tableName } from '../host/layout.js';
import { withShortLocks } from '../install/short-locks.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { translateError } from '../postgres/server-errors.js';
import { inTransaction, type Transaction } from '../postgres/transaction.js';
import { type ArchiveHost, adoptCollation, readArchiveHost, whileArchiving } from './archive-host.js';
import type { ArchiveReport } from './archive-uses.js';
import { type ArchivePartitionOptions, archivePartitionOptions } from './options.js';

/**
 * Detaches or drops a partition of the uses, and keeps what its uses count, in one transaction: *counter = carried forward + rows*.
 * Without it, a partition that is gone takes its uses out of the count, and `repairDrift` would open limits that were used up.
 *
 * The table of uses is locked (ACCESS EXCLUSIVE) while the partition is added up, some seconds for each million uses: redemptions wait
 * for that long. For a big partition call `archiveUses` first, which works in batches beside them, and then this on what is left.
 *
 * A partition that was detached keeps its rows, which count no more whatever happens to them. With a history nothing is recorded, and
 * calls with the key of one of its uses are answered as `archiveUses` says.
 *
 * For the owner of the library and of the tables. With a client that is inside a transaction it is part of it.
 *
 * @example
 * await archivePartition(pool, { partition: 'promo_code_uses_2023', action: 'drop' });
 * @throws ValidationError for an unknown option or value, for a table that is no partition of the uses, and where holds in it are still
 * open; nothing was changed.
 * @throws InsufficientPrivilegeError for another role than the owner; nothing was changed.
 * @throws LockTimeoutError when the table could not be locked through all attempts; nothing was changed.
 */
export async function archivePartition(db: Database, options: ArchivePartitionOptions): Promise<ArchiveReport> {
  const parsed = parseArguments(db, archivePartitionOptions, options, 'archivePartition()');
  const host = await readArchiveHost(db, parsed);
  const partition = { schema: parsed.partition.schema ?? host.layout.schema, table: parsed.partition.table };
  try {
    return await withShortLocks(parsed.lockTimeoutMs, 'one', (waitMs) =>
      inTransaction(db, (tx) =>
        whileArchiving(tx, host, { ...parsed, lockTimeoutMs: waitMs }, () => move(tx, host, partition, parsed)),
      ),
    );
  } catch (error) {
    throw translateError(error);
  }
}

async function move(
  tx: Transaction,
  host: ArchiveHost,
  partition: { schema: string; table: string },
  { action, keepCustomers }: { action: 'detach' | 'drop'; keepCustomers: boolean },
): Promise<ArchiveReport> {
  const { layout } = host;
  const place = [partition.schema, partition.table];
  const names = { part_schema: partition.schema, part: partition.table };
  const path = `${quoteIdentifier(partition.schema)}.${quoteIdentifier(partition.table)}`;
  // First, so that it is still one when it has been looked up.
  await tx.query(`LOCK TABLE ${tableName(layout, 'uses')} IN ACCESS EXCLUSIVE MODE`);
  const { rows } = await tx.query(host.sql(partitionSql), place);
  const [parent] = rows;
  if (!parent) throw refused(`is no partition of ${layout.schema}.${layout.uses.name}: ${place.join('.')}`);
  const holds = await tx.query(host.sql(holdsSql, names));
  if (holds.rows[0]?.holds !== '0') {
    throw refused(
      `has ${holds.rows[0]?.holds} holds that are still open; confirm them, or release those that have expired`,
    );
  }

  await adoptCollation(tx, host);
  await tx.query(host.sql(carrySql, names));
  if (keepCustomers && columnOf(layout, host.catalog, 'uses', 'customerAddress')) {
    await tx.query(host.sql(carryCustomersSql, names));
  }
  const kept = await tx.query(host.sql(keepSql, names), [host.slack]);
  if (action === 'drop') await tx.query(`DROP TABLE ${path}`);
  else {
    const above = `${quoteIdentifier(String(parent.schema))}.${quoteIdentifier(String(parent.name))}`;
    await tx.query(`ALTER TABLE ${above} DETACH PARTITION ${path}`);
    const triggers = await tx.query(host.sql(ownTriggersSql), place);
    for (const { statement } of triggers.rows) await tx.query(String(statement));
  }
  return { archived: Number(kept.rows[0]?.archived) };
}

function refused(message: string): ValidationError {
  return new ValidationError([{ path: 'partition', message }]);
}
