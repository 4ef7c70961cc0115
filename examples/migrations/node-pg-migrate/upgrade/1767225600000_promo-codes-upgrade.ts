import type { MigrationBuilder } from 'node-pg-migrate';
import { renderSql } from 'pg-promo-codes';

export function up(pgm: MigrationBuilder): void {
  pgm.sql(renderSql('schema'));
}

export function down(): void {
  // What the newer version has installed stays: the migration before takes all of it away.
}
