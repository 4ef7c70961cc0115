import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './schema.ts',
  out: './drizzle',
  schemaFilter: ['public'], // the default: what the library has is in a schema of its own
  dbCredentials: { url: process.env.DATABASE_URL ?? '' },
});
