export { column } from './column.js';
export { Database, type DatabaseOptions, type Transaction } from './database.js';
export {
  DatabaseConflictError,
  DatabaseConstraintError,
  DatabaseSchemaMissingError,
  DatabaseUnavailableError,
  TransactionClosedError,
} from './database-error.js';
export { databaseErrorOf } from './error-mapping.js';
export { Prisma, PrismaClient } from './generated/client.js';
export { migrate, MigrationError, type MigrateOptions } from './migration.js';
export { ServicePasswordError, setServicePasswords, type ServicePasswords } from './service-password.js';
export { type Sql } from './sql.js';
