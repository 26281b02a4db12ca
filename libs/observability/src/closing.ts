/** The part of a Fastify server that this needs. */
type AnsweringServer = {
  addHook(
    name: 'onSend',
    hook: (request: unknown, reply: { header(name: string, value: string): unknown }) => Promise<void>,
  ): unknown;
};

type ClosingApp = {
  close(): Promise<void>;
  getHttpAdapter(): { getInstance(): unknown };
};

/**
 * How to close a service that answers over Fastify; to be made before it listens. An answer that is given while closing
 * ends its connection: a client that kept it would keep the service until it lets go.
 */
export function closeOf(app: ClosingApp): () => Promise<void> {
  let isClosing = false;
  const server = app.getHttpAdapter().getInstance() as AnsweringServer;
  server.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
  return () => {
    isClosing = true;
    return app.close();
  };
}
