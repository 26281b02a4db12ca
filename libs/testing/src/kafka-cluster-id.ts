import { randomBytes } from 'node:crypto';

const idBytes = 16;

/** An id for a new cluster. None begins with a dash: the broker's tools would take it for an option. */
export function kafkaClusterId(random: (bytes: number) => Buffer = randomBytes): string {
  for (;;) {
    const id = random(idBytes).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}
