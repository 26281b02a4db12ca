import { spawnSync } from 'node:child_process';

import { describe, expect, it } from '@jest/globals';

const cli = new URL('../dist/migrate.cli.js', import.meta.url).href;

describe('the migrations as a module', () => {
  it('tells its settings to whoever imports it, and does nothing', () => {
    const code = `import { settings } from '${cli}'; console.log(JSON.stringify(settings.map((setting) => [setting.name, 'default' in setting])));`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', code],
      // A run would fail for want of DATABASE_ADMIN_URL.
      { env: { PATH: process.env['PATH'] ?? '' }, encoding: 'utf8' },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual([
      ['DATABASE_ADMIN_URL', false],
      ['FACILITATOR_DATABASE_PASSWORD', true],
      ['SETTLEMENT_DATABASE_PASSWORD', true],
      ['LEDGER_DATABASE_PASSWORD', true],
    ]);
  });
});
