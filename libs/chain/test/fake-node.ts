import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Question = { readonly id: number; readonly method: string; readonly params: readonly unknown[] };

export type FakeNode = {
  readonly url: string;
  /** The body of each request so far, as a list of questions. */
  readonly requests: Question[][];
  stop(): Promise<void>;
};

type Respond = (questions: readonly Question[], response: ServerResponse) => void;

/** An HTTP server in place of a node, which answers whatever the test wants it to. */
export async function startFakeNode(respond: Respond): Promise<FakeNode> {
  const requests: Question[][] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const parsed = JSON.parse(body) as Question | Question[];
      const questions = Array.isArray(parsed) ? parsed : [parsed];
      requests.push(questions);
      respond(questions, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-key`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sends a body as JSON. */
export function answer(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
