import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const services = ['facilitator', 'settlement', 'ledger'] as const;
const call = /crashPoint\(\s*'([a-z]+\.[a-z-]+)'/g;

/** Every step at which a service can be made to kill itself, read from the sources: none can be forgotten. */
export function crashPoints(): string[] {
  const names = services.flatMap((service) => {
    const folder = fileURLToPath(new URL(`../../../${service}/src`, import.meta.url));
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
      .flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(call)])
      .map(([, name = '']) => name);
  });
  return [...new Set(names)].sort();
}
