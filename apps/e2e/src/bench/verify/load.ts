import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { LoadOrder, LoadReport, LoadSettings, SigningOrder } from './load-process.js';

/** Makes load in a process of its own, which no side shares its event loop with. */
export class Load {
  readonly #child: ChildProcess;

  constructor(settings: LoadSettings) {
    this.#child = fork(fileURLToPath(new URL('./load-process.js', import.meta.url)), {
      serialization: 'advanced',
    });
    this.#child.send(settings);
  }

  /** Signs what the next `run` sends. */
  async sign(order: SigningOrder): Promise<void> {
    this.#child.send(order);
    await once(this.#child, 'message');
  }

  async run(order: LoadOrder): Promise<LoadReport> {
    this.#child.send(order);
    const [report] = (await once(this.#child, 'message')) as [LoadReport];
    return report;
  }

  stop(): void {
    this.#child.disconnect();
  }
}
