import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it } from '@jest/globals';

/**
 * The boundaries only hold while the tools that enforce them do. So each kind of violation is planted, and the test
 * goes red when lint or the compiler lets one through; the control shows that a clean file passes.
 */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const node = process.execPath;

const boundary = '@nx/enforce-module-boundaries';
const imports = 'no-restricted-imports';

const planted = [
  [
    'a core library that imports an adapter',
    'libs/protocol/src/planted.ts',
    "import '@quittance/chain';",
    boundary,
  ],
  ['a core library that imports Nest', 'libs/protocol/src/planted.ts', "import '@nestjs/common';", imports],
  [
    'a core library that imports Nest, by the Nx rule too',
    'libs/money/src/planted.ts',
    "import '@nestjs/common';",
    boundary,
  ],
  ['a core library that reads files', 'libs/money/src/planted.ts', "import 'node:fs';", imports],
  [
    'a core library that reads the clock',
    'libs/events/src/planted.ts',
    'export const now = Date.now();',
    'no-restricted-properties',
  ],
  [
    'a core library that reads the environment',
    'libs/events/src/planted.ts',
    'export const x = process.env;',
    'no-restricted-globals',
  ],
  [
    'a scheme that talks to the network',
    'libs/schemes/exact-evm/src/planted.ts',
    "import 'node:http';",
    imports,
  ],
  [
    'an adapter that imports another adapter',
    'libs/messaging/src/planted.ts',
    "import '@quittance/database';",
    boundary,
  ],
  ['an adapter that imports an app', 'libs/chain/src/planted.ts', "import '@quittance/ledger';", boundary],
  [
    'an app that imports another app',
    'apps/facilitator/src/planted.module.ts',
    "import '@quittance/ledger';",
    boundary,
  ],
  [
    'an app that ships the test library',
    'apps/ledger/src/planted.module.ts',
    "import '@quittance/testing';",
    boundary,
  ],
  [
    'an app that ships the embedded parts',
    'apps/settlement/src/planted.module.ts',
    "import '@quittance/embedded';",
    boundary,
  ],
  [
    'a relative path into another project',
    'apps/ledger/src/planted.ts',
    "import '../../../libs/money/src/index.js';",
    boundary,
  ],
  [
    'a domain file that imports Nest',
    'apps/ledger/src/posting/planted.ts',
    "import '@nestjs/common';",
    imports,
  ],
  [
    'a domain file that imports the database',
    'apps/settlement/src/payment/planted.ts',
    "import '@quittance/database';",
    imports,
  ],
  [
    'a domain file that reads the clock',
    'apps/facilitator/src/verify/planted.ts',
    'export const t = Date.now();',
    'no-restricted-properties',
  ],
  [
    'an error without a type',
    'apps/ledger/src/posting/planted.ts',
    "export const f = () => { throw new Error('x'); };",
    'no-restricted-syntax',
  ],
  [
    'a function of four parameters',
    'libs/money/src/planted.ts',
    'export const f = (a: 1, b: 1, c: 1, d: 1) => [a, b, c, d];',
    'no-restricted-syntax',
  ],
  ['an empty catch', 'libs/chain/src/planted.ts', 'try { await import("node:fs"); } catch {}', 'no-empty'],
  [
    'a file of over 300 lines',
    'libs/money/src/planted.ts',
    Array.from({ length: 301 }, (_, n) => `export const x${n} = ${n};`).join('\n'),
    'max-lines',
  ],
] as const;

const control = {
  path: 'apps/ledger/src/posting/planted.ts',
  code: "import { atomicAmount } from '@quittance/money';\nexport const one = atomicAmount(1n);\n",
};

type LintResult = { readonly path: string; readonly rules: readonly string[] };

describe('lint', () => {
  let results: LintResult[] = [];

  beforeAll(() => {
    const texts = [...planted.map(([, path, code]) => ({ path, code })), control];
    const env = { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '' };
    const output = execFileSync(node, [`${root}infra/workspace/lint-planted.mjs`, JSON.stringify(texts)], {
      cwd: root,
      env,
      encoding: 'utf8',
    });
    results = JSON.parse(output.slice(output.indexOf('[{'))) as LintResult[];
  });

  it.each(planted.map(([name, , , rule], index) => [name, index, rule] as const))(
    'catches %s',
    (_name, index, rule) => {
      expect(results[index]?.rules).toContain(rule);
    },
  );

  it('has nothing to say about a clean file', () => {
    expect(results.at(-1)).toEqual({ path: control.path, rules: [] });
  });
});

describe('the compiler', () => {
  function compile(code: string): string {
    // Below node_modules, where the workspace packages resolve as they do for a stranger.
    const parent = join(root, 'node_modules/.cache');
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(join(parent, 'planted-'));
    try {
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
      writeFileSync(join(folder, 'planted.ts'), code);
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ extends: join(root, 'tsconfig.base.json'), files: ['planted.ts'] }),
      );
      return spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' }).stdout;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it('refuses to reach past a library’s index', () => {
    expect(
      compile("import { allocate } from '@quittance/money/src/allocation.js';\nexport default allocate;\n"),
    ).toContain('TS2307');
  });

  it('accepts the index', () => {
    expect(compile("import { allocate } from '@quittance/money';\nexport default allocate;\n")).toBe('');
  });

  it('refuses an amount that is a plain number', () => {
    expect(
      compile("import { formatAtomicAmount } from '@quittance/money';\nformatAtomicAmount(1);\n"),
    ).toContain('TS2345');
  });
});

describe('every project', () => {
  const folders = ['apps', 'libs', 'libs/schemes'].flatMap((parent) =>
    readdirSync(join(root, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'schemes')
      .map((entry) => `${parent}/${entry.name}`),
  );

  it.each(folders)('%s has a layer, a scope, one export and the four targets', (folder) => {
    const project = JSON.parse(readFileSync(join(root, folder, 'project.json'), 'utf8')) as {
      tags: string[];
      targets: Record<string, unknown>;
    };
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>;
    };
    expect(project.tags).toEqual([expect.stringMatching(/^type:/), expect.stringMatching(/^scope:/)]);
    expect(Object.keys(project.targets)).toEqual(
      expect.arrayContaining(['build', 'typecheck', 'lint', 'test']),
    );
    expect(Object.keys(manifest.exports)).toEqual(['.']);
  });

  it('keeps its words: no file is called utils, helpers, common, manager, base or impl', () => {
    const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n');
    expect(
      files.filter(
        (file) =>
          /(^|[/.-])(utils?|helpers?|common|manager|base|impl)(\.|\/|$)/.test(file) &&
          !file.startsWith('tsconfig.base'),
      ),
    ).toEqual([]);
  });
});
