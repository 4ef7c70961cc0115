import path from 'node:path';
import { DataSource } from 'typeorm';
import { PromoCode } from './promo-code.js';

export default new DataSource({
  type: 'postgres',
  url: process.env.DATABASE_URL ?? '',
  entities: [PromoCode],
  migrations: [path.join(import.meta.dirname, 'migrations', '*.ts')],
});
