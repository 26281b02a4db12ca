import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes JSON-RPC over HTTP on to a node, and counts. It costs time: for rounds that measure none. */
export type RpcCounter = {
  readonly url: string;
  /** Calls since the start; each of a batch is one. */
  calls(): number;
  /** HTTP requests since the start. */
  requests(): number;
  stop(): void;
};

export async function startRpcCounter(rpcUrl: string): Promise<RpcCounter> {
  let calls = 0;
  let requests = 0;
  const server = createServer((asked, answer) => {
    const chunks: Buffer[] = [];
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', () => {
      const body = Buffer.concat(chunks);
      requests += 1;
      calls += callsIn(body);
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const passedOn = request(rpcUrl, { method: 'POST', headers }, (reply) => {
        answer.writeHead(reply.statusCode ?? 502, { 'content-type': 'application/json' });
        reply.pipe(answer);
      });
      passedOn.on('error', () => answer.destroy());
      passedOn.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    requests: () => requests,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function callsIn(body: Buffer): number {
  const asked = JSON.parse(body.toString()) as unknown;
  return Array.isArray(asked) ? asked.length : 1;
}
