import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

const host = '127.0.0.1';

/** A port on 127.0.0.1 that nobody held a moment ago; a start that loses the race for it should ask again. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** As many, and no two of them the same: asked for one after the other, a port given back may be given again. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    while (servers.length < count) servers.push(await listening());
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  }
}

async function listening(): Promise<Server> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  return server;
}
