import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));

/**
 * Jest for one project. Nest 12 is ESM only, so everything runs as ESM; SWC strips the types and
 * `typecheck` (which includes the specs) is what checks them.
 */
export function projectConfig({ displayName, testTimeoutMs = 90_000, ...rest }) {
  return {
    displayName,
    testEnvironment: 'node',
    testEnvironmentOptions: { customExportConditions: ['@quittance/source', 'node', 'node-addons'] },
    extensionsToTreatAsEsm: ['.ts'],
    testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
    transform: {
      '^.+\\.ts$': [
        '@swc/jest',
        {
          jsc: {
            target: 'es2023',
            parser: { syntax: 'typescript', decorators: true },
            transform: { legacyDecorator: true, decoratorMetadata: true },
          },
          module: { type: 'es6' },
        },
      ],
    },
    moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    testTimeout: testTimeoutMs,
    maxWorkers: 2,
    reporters: ['default', `${root}infra/workspace/jest-totals-reporter.mjs`],
    ...rest,
  };
}
