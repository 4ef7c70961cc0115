import type { MigrationBuilder } from 'node-pg-migrate';
import { renderSql } from 'pg-promo-codes';

export function up(pgm: MigrationBuilder): void {
  pgm.sql(renderSql('schema'));
}

export function down(pgm: MigrationBuilder): void {
  pgm.sql(renderSql('uninstall'));
}
