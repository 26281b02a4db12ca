import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

const handshakeSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A WebSocket server in place of a node's, as far as short messages without fragments need one. */
export class HeadServer {
  /** What it was sent, over all connections. */
  readonly heard: { readonly id: number; readonly method: string }[] = [];
  connections = 0;
  /** Takes connections and says nothing. */
  isMute = false;
  /** Refuses to subscribe. */
  isRefusing = false;
  /** Does not answer a good-bye either. */
  isStuck = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));

  static async start(port = 0): Promise<HeadServer> {
    const server = new HeadServer();
    server.#server.listen(port, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/secret-key`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  announce(): void {
    this.#say({ jsonrpc: '2.0', method: 'eth_subscription', params: { subscription: '0x1', result: {} } });
  }

  say(text: string): void {
    const bytes = Buffer.from(text);
    for (const socket of this.#sockets)
      socket.write(Buffer.concat([Buffer.from([0x81, bytes.length]), bytes]));
  }

  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #say(message: object): void {
    this.say(JSON.stringify(message));
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A connection that breaks is what is tested.
    socket.on('error', () => socket.destroy());
    socket.once('data', (request) => {
      const key = /sec-websocket-key: (\S+)/i.exec(request.toString())?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}${handshakeSuffix}`).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.on('data', (frame) => this.#hear(frame));
    });
  }

  #hear(frame: Buffer): void {
    const isText = (frame[0] ?? 0) === 0x81;
    const isGoodbye = (frame[0] ?? 0) === 0x88;
    if (isGoodbye && !this.isStuck) for (const socket of this.#sockets) socket.end(Buffer.from([0x88, 0]));
    const length = (frame[1] ?? 0) & 0x7f;
    if (!isText || length > 125) return;
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    const question = JSON.parse(Buffer.from(text).toString()) as { id: number; method: string };
    this.heard.push(question);
    if (this.isMute) return;
    const { id } = question;
    if (this.isRefusing) this.#say({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'no' } });
    else this.#say({ jsonrpc: '2.0', id, result: '0x1' });
  }
}
