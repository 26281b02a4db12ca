import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const forwardTimeoutMs = 90_000;

/** A relay between a shop and the facilitator that tells when an answer passes: the shops' SDKs need no change for it. */
export type FacilitatorTap = {
  readonly url: string;
  /** Called with the path of each call that was answered. */
  onAnswer: (path: string) => void;
  close(): void;
};

export async function startFacilitatorTap(facilitatorUrl: string): Promise<FacilitatorTap> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const forward = async (): Promise<void> => {
      const answer = await fetch(`${facilitatorUrl}${path}`, {
        method: request.method ?? 'GET',
        headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
        signal: AbortSignal.timeout(forwardTimeoutMs),
        ...(request.method === 'POST' ? { body: await text(request) } : {}),
      });
      const body = await answer.text();
      tap.onAnswer(path);
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? 'application/json',
      });
      response.end(body);
    };
    forward().catch((fault: unknown) => {
      response.writeHead(502, { 'content-type': 'text/plain' });
      response.end(`The facilitator did not answer: ${String(fault)}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tap: FacilitatorTap = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onAnswer: () => undefined,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return tap;
}
