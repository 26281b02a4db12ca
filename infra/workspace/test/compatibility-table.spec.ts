import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Evaluates code that may use what the table is made by, and gives what it wrote. */
function evaluate(code: string): string {
  const preamble = `import { compatibilitySection, readmeWithTable, spliced } from './compatibility-table.mjs';`;
  const args = ['--input-type=module', '--eval', `${preamble}\n${code}`];
  const ended = spawnSync(process.execPath, args, {
    cwd: join(root, 'infra', 'workspace'),
    encoding: 'utf8',
  });
  return ended.status === 0 ? ended.stdout : ended.stderr;
}

const recorded = {
  packages: { buyer: '1.0.0', seller: '2.0.0' },
  contracts: [
    { name: 'Proxy', genuine: false, from: 'src/Proxy.sol' },
    { name: 'Multicall3', genuine: true, from: 'viem' },
  ],
  reasons: { never: 'It was never meant to be.' },
  pairNotes: [],
  rows: [
    {
      protocol: 'v2',
      method: 'by proxy',
      contract: 'Proxy',
      cells: {
        eoa: { bought: ['buyer from seller'] },
        erc1271: { why: 'never' },
        erc6492: { why: 'never' },
        eip7702: { bought: ['buyer from seller'] },
      },
    },
  ],
};

describe('the compatibility table', () => {
  it('is in README as docs/compatibility.json has it', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    expect(evaluate('process.stdout.write(await readmeWithTable());')).toBe(readme);
  });

  it('tells what works, what cannot be and why, and what is a stand-in', () => {
    const section = evaluate(`process.stdout.write(compatibilitySection(${JSON.stringify(recorded)}));`);
    expect(section).toContain('| v2 by proxy † | ✓ 1 | — (a) | — (a) | ✓ 1 |');
    expect(section).toContain('- (a) It was never meant to be.');
    expect(section).toContain('| `buyer` 1.0.0 | 2 |');
    expect(section).toContain('| Proxy | stand-in † | src/Proxy.sol |');
    expect(section).toContain('| Multicall3 | genuine | viem |');
  });

  it('is not written into a README without its marks', () => {
    expect(evaluate(`spliced('# Quittance', 'x');`)).toContain('README.md lacks the marks');
  });
});
