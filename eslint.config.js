import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const nodeIo = [
  'fs',
  'fs/promises',
  'net',
  'http',
  'https',
  'http2',
  'dns',
  'tls',
  'child_process',
  'worker_threads',
  'os',
  'cluster',
  'dgram',
  'process',
  'timers',
  'timers/promises',
  'crypto',
];
const ioBuiltIns = nodeIo.flatMap((name) => [name, `node:${name}`]);
/** Of what Node has only a hash is as pure as the core: the same text, the same digest. */
const pureImports = { 'node:crypto': ['hash'] };
const frameworks = [
  '@nestjs/*',
  '@nestjs/**',
  'fastify',
  '@fastify/*',
  'kafkajs',
  '@prisma/*',
  'pg',
  'pino',
  'rxjs',
];

const specs = ['**/*.spec.ts', '**/test/**/*.ts'];

/** Files of an app that may know the framework, the database or the clock. Every other file is domain. */
const edges = [
  'apps/*/src/*.ts',
  'apps/*/src/**/*.{controller,consumer,module,provider,filter,guard,repository,loop,adapter,page}.ts',
  'apps/{standalone,e2e}/**/*.ts',
];

const layers = [
  {
    sourceTag: 'type:core',
    onlyDependOnLibsWithTags: ['type:core'],
    bannedExternalImports: ['@nestjs/*', 'kafkajs', '@prisma/*', 'pino', 'pg', 'fastify'],
  },
  { sourceTag: 'type:adapter', onlyDependOnLibsWithTags: ['type:core'] },
  { sourceTag: 'type:embedded', onlyDependOnLibsWithTags: ['type:adapter', 'type:core'] },
  { sourceTag: 'type:testing', onlyDependOnLibsWithTags: ['type:embedded', 'type:adapter', 'type:core'] },
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:adapter', 'type:core'] },
  { sourceTag: 'type:host', onlyDependOnLibsWithTags: ['type:embedded', 'type:adapter', 'type:core'] },
  {
    sourceTag: 'type:e2e',
    onlyDependOnLibsWithTags: ['type:testing', 'type:embedded', 'type:adapter', 'type:core'],
  },
  { sourceTag: 'type:workspace', onlyDependOnLibsWithTags: [] },
];
const scopes = ['facilitator', 'settlement', 'ledger', 'standalone', 'e2e'].map((scope) => ({
  sourceTag: `scope:${scope}`,
  onlyDependOnLibsWithTags: [`scope:${scope}`, 'scope:shared'],
}));
const shared = { sourceTag: 'scope:shared', onlyDependOnLibsWithTags: ['scope:shared'] };

/** Specs may use the test library on top of what their project may use. */
const withTesting = layers.map((layer) => ({
  ...layer,
  onlyDependOnLibsWithTags: [
    ...new Set([
      ...layer.onlyDependOnLibsWithTags,
      'type:testing',
      'type:embedded',
      'type:adapter',
      'type:core',
    ]),
  ],
  bannedExternalImports: [],
}));

const boundaries = (constraints) => [
  'error',
  {
    allow: [],
    enforceBuildableLibDependency: false,
    allowCircularSelfDependency: false,
    depConstraints: [...constraints, ...scopes, shared],
  },
];

const tooManyParameters = [
  {
    selector: ':matches(FunctionDeclaration, ArrowFunctionExpression)[params.length>3]',
    message: 'At most 3 parameters, then an options object.',
  },
  {
    selector: 'MethodDefinition[kind="method"] > FunctionExpression[params.length>3]',
    message: 'At most 3 parameters, then an options object.',
  },
  {
    selector: 'MethodDefinition[kind="constructor"] > FunctionExpression[params.length>6]',
    message: 'At most 6 constructor dependencies.',
  },
  { selector: 'TSEnumDeclaration', message: 'A union of string literals instead of an enum.' },
];
const bareError = {
  selector: 'ThrowStatement > NewExpression[callee.name="Error"]',
  message: 'A typed error with a stable code instead of Error.',
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '**/generated/**',
      '.nx/**',
      '.quittance/**',
      '**/*.js',
      '**/*.mjs',
      '**/*.cjs',
    ],
  },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(layers),
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/consistent-type-definitions': ['error', 'type'],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/ban-ts-comment': 'error',
      'no-restricted-syntax': ['error', ...tooManyParameters, bareError],
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-console': 'error',
      complexity: ['error', 12],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    // Nest injects by the run-time value of a constructor's parameter types.
    files: ['apps/{facilitator,settlement,ledger}/src/**/*.ts', 'libs/{messaging,observability}/src/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  {
    files: ['libs/{money,protocol,events}/src/**/*.ts', 'libs/schemes/*/src/**/*.ts'],
    ignores: specs,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ioBuiltIns.map((name) => ({
            name,
            message: 'The core does no I/O and knows no Node.',
            ...(pureImports[name] === undefined ? {} : { allowImportNames: pureImports[name] }),
          })),
          patterns: [{ group: frameworks, message: 'The core knows no framework.' }],
        },
      ],
      'no-restricted-globals': ['error', 'process', 'fetch', 'setTimeout', 'setInterval'],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'The core is given the time.' },
        { object: 'Math', property: 'random' },
      ],
    },
  },
  {
    files: ['apps/{facilitator,settlement,ledger}/src/*/**/*.ts'],
    ignores: [...specs, ...edges],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ioBuiltIns.map((name) => ({
            name,
            message: 'A domain file does no I/O; put it behind a port.',
            ...(pureImports[name] === undefined ? {} : { allowImportNames: pureImports[name] }),
          })),
          patterns: [
            {
              group: [...frameworks, '@quittance/database', '@quittance/messaging'],
              message: 'A domain file knows no framework, database or broker.',
            },
          ],
        },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'A domain file is given the time.' },
      ],
    },
  },
  {
    files: ['apps/{standalone,e2e}/**/*.ts', 'libs/testing/**/*.ts'],
    rules: { 'no-console': 'off', 'no-restricted-syntax': ['error', ...tooManyParameters] },
  },
  {
    files: specs,
    rules: {
      '@nx/enforce-module-boundaries': boundaries(withTesting),
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': 'off',
      'no-restricted-syntax': ['error', ...tooManyParameters],
    },
  },
);
