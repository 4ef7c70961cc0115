import { renderSql } from 'pg-promo-codes';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class PromoCodes1764288000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(renderSql('schema'));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(renderSql('uninstall'));
  }
}
