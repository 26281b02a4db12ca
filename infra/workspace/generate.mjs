// npm run generate [-- --check]: writes the committed files that are made from code, or says which are out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { readmeWithTable } from './compatibility-table.mjs';
import { continueWithNode24, nodeMajor, prepare, root } from './prepare.mjs';
import { settingsPage } from './settings-page.mjs';

const services = ['facilitator', 'settlement', 'ledger'];

/** Each makes the texts of its files, by path from the root. */
const generators = [
  {
    name: 'event schemas',
    make: async () => {
      const { eventJsonSchemas } = await built('libs/events');
      return [...eventJsonSchemas()].map(([file, text]) => [`docs/events/${file}`, text]);
    },
  },
  {
    name: 'compatibility table',
    make: async () => [['README.md', await readmeWithTable()]],
  },
  {
    name: 'dev chain contracts',
    make: async () => {
      const { generatedFiles } = await module('infra/contracts/compile.mjs');
      return [...generatedFiles()].map(([path, text]) => [relative(root, path), text]);
    },
  },
  {
    name: 'OpenAPI documents',
    make: async () => {
      const documents = [];
      for (const app of ['facilitator', 'ledger']) {
        const { openApiDocument } = await module(`apps/${app}/dist/openapi.js`);
        documents.push([`docs/openapi/${app}.json`, `${JSON.stringify(await openApiDocument(), null, 2)}\n`]);
      }
      return documents;
    },
  },
  {
    name: 'settings',
    make: async () => {
      const sections = [];
      for (const app of services) {
        const { settings } = await module(`apps/${app}/dist/config.js`);
        sections.push({ title: app, command: `node apps/${app}/dist/main.js`, settings });
      }
      const { networkSettings } = await built('libs/chain');
      sections.push({
        title: 'NETWORKS',
        command: "NETWORKS='[{ … }]'",
        settings: networkSettings,
      });
      const migrations = await module('libs/database/dist/migrate.cli.js');
      sections.push({
        title: 'migrations',
        command: 'node libs/database/dist/migrate.cli.js',
        settings: migrations.settings,
      });
      const standalone = await module('apps/standalone/dist/config.js');
      sections.push({
        title: 'standalone',
        command: standalone.usage,
        settings: standalone.settings,
        options: standalone.commandLineOptions,
      });
      return [['docs/operations/settings.md', settingsPage(sections)]];
    },
  },
];

async function module(path) {
  return import(pathToFileURL(join(root, path)).href);
}

async function built(project) {
  return module(`${project}/dist/index.js`);
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (fault) {
    if (fault.code === 'ENOENT') return '';
    throw fault;
  }
}

async function generate({ check }) {
  const stale = [];
  for (const { name, make } of generators) {
    const files = await make();
    for (const [path, text] of files) {
      const file = join(root, path);
      if (readOrEmpty(file) === text) continue;
      stale.push(path);
      if (check) continue;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    process.stdout.write(`${name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}\n`);
  }
  if (stale.length === 0) return 0;
  process.stdout.write(
    `${check ? 'Out of date' : 'Written'}:\n${stale.map((path) => `  ${path}\n`).join('')}`,
  );
  if (check) process.stdout.write('Run npm run generate\n');
  return check ? 1 : 0;
}

if (!process.argv.includes('--prepared')) {
  await prepare();
  if (nodeMajor() < 24)
    await continueWithNode24(fileURLToPath(import.meta.url), ['--prepared', ...process.argv.slice(2)]);
}
process.exit(await generate({ check: process.argv.includes('--check') }));
