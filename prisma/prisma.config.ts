import { defineConfig } from 'prisma/config';

// The administrator's URL: migrations create schemas and roles, which no service role may do.
const adminUrl = process.env['DATABASE_ADMIN_URL'];

export default defineConfig({
  schema: 'schema',
  migrations: { path: 'migrations' },
  ...(adminUrl === undefined ? {} : { datasource: { url: adminUrl } }),
});
