import path from 'node:path';
import { DataSource } from 'typeorm';

export default new DataSource({
  type: 'postgres',
  url: process.env.DATABASE_URL ?? '',
  migrations: [path.join(import.meta.dirname, 'migrations', '*.ts')],
});
