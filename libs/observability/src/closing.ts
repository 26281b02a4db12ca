import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** The part of a Fastify server that this needs. */
type AnsweringServer = {
  readonly server: Pick<Server, 'on'>;
  addHook(
    name: 'onSend',
    hook: (request: unknown, reply: { header(name: string, value: string): unknown }) => Promise<void>,
  ): unknown;
};

type ClosingApp = {
  close(): Promise<void>;
  getHttpAdapter(): { getInstance(): unknown };
};

/** How long a connection on which nothing was asked may still ask while we close. */
const firstWordMs = 500;

/**
 * How to close a service that answers over Fastify; to be made before it listens. An answer that is given while closing
 * ends its connection: a client that kept it would keep the service until it lets go. So would one that never asks.
 */
export function closeOf(app: ClosingApp): () => Promise<void> {
  let isClosing = false;
  const instance = app.getHttpAdapter().getInstance() as AnsweringServer;
  const silent = silentConnections(instance.server);
  instance.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
  return async () => {
    isClosing = true;
    const impatience = setInterval(() => {
      for (const socket of silent) socket.destroy();
    }, firstWordMs);
    try {
      await app.close();
    } finally {
      clearInterval(impatience);
    }
  };
}

/** Connections on which nothing was asked yet: to Node these are not idle, and a closing server waits for them. */
function silentConnections(server: Pick<Server, 'on'>): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  return silent;
}
