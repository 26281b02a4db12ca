import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const verifier = fileURLToPath(new URL('../../../infra/verifier/verify.mjs', import.meta.url));

export type Verified = { readonly code: number | null; readonly output: string };

/** A folder with exported files, our offline verifier and nothing else, as an auditor has it. */
export class AuditorsFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'auditor-'));

  constructor(files: Readonly<Record<string, string>>) {
    copyFileSync(verifier, join(this.#folder, 'verify.mjs'));
    mkdirSync(join(this.#folder, 'books'));
    for (const [name, text] of Object.entries(files)) writeFileSync(this.#path(name), text);
  }

  /** With node and no variable of the environment, in a process of its own. */
  verify(key: string): Verified {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['verify.mjs', '--key', key, 'books'], {
      cwd: this.#folder,
      env: {},
      encoding: 'utf8',
    });
    return { code: status, output: `${stdout}${stderr}` };
  }

  /** The same with one byte of a file changed by one bit. */
  verifyFlipped(key: string, { name, at }: { readonly name: string; readonly at: number }): Verified {
    const path = this.#path(name);
    const whole = readFileSync(path);
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    try {
      return this.verify(key);
    } finally {
      writeFileSync(path, whole);
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #path(name: string): string {
    return join(this.#folder, 'books', name);
  }
}
