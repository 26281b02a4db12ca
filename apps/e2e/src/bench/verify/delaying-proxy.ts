import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type DelayingProxy = { readonly url: string; stop(): void };

/**
 * Passes bytes on to a node, each `delayMs` after they came, as a node far away would get them; answers come back at
 * once. Connections are kept as long as their ends keep them, and nothing is read of what passes.
 */
export async function startDelayingProxy(rpcUrl: string, delayMs: number): Promise<DelayingProxy> {
  const { hostname, port } = new URL(rpcUrl);
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk: Buffer) => setTimeout(() => far.write(chunk), delayMs));
    far.on('data', (chunk: Buffer) => near.write(chunk));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
