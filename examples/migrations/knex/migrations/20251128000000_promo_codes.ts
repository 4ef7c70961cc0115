import type { Knex } from 'knex';
import { renderSql } from 'pg-promo-codes';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(renderSql('schema'));
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(renderSql('uninstall'));
}
