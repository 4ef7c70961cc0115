import { type Kysely, sql } from 'kysely';
import { renderSql } from 'pg-promo-codes';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(renderSql('schema')).execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql.raw(renderSql('uninstall')).execute(db);
}
