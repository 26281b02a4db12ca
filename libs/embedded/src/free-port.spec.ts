import { once } from 'node:events';
import { createServer } from 'node:net';

import { describe, expect, it } from '@jest/globals';

import { freePorts } from './free-port.js';

describe('free ports', () => {
  it('asked for together are all different', async () => {
    // So many that, asked for one by one, some would come twice.
    const count = 500;
    const ports = await freePorts(count);
    expect(new Set(ports).size).toBe(count);
  });

  it('are free', async () => {
    const servers = (await freePorts(3)).map((port) => createServer().listen(port, '127.0.0.1'));
    await Promise.all(servers.map((server) => once(server, 'listening')));
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  });

  it('may be none', async () => {
    expect(await freePorts(0)).toEqual([]);
  });
});
