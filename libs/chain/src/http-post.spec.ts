import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { HttpPost } from './http-post.js';

/** Answers after as many milliseconds as it is sent. In a thread of its own, which goes on while ours stands still. */
const server = `
  const { createServer } = require('node:http');
  const { parentPort } = require('node:worker_threads');
  createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    setTimeout(() => response.end(text), Number(text));
  }).listen(0, '127.0.0.1', function () {
    parentPort.postMessage(this.address().port);
  });
`;

let worker: Worker;
let http: HttpPost;

beforeAll(async () => {
  worker = new Worker(server, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  http = new HttpPost(`http://127.0.0.1:${port}/`);
  await http.send('0', 5_000);
});

afterAll(async () => {
  await worker.terminate();
});

/** Between reading from the network and looking at the timers, which is where it hurts. */
const standStill = (ms: number) =>
  new Promise<void>((resolve) =>
    setImmediate(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      resolve();
    }),
  );

describe('An answer', () => {
  it('that came while the process stood still is not overdue', async () => {
    const asked = http.send('50', 200);
    // It is on its way before we stop.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await standStill(600);
    await expect(asked).resolves.toEqual({ status: 200, text: '50' });
  });

  it('that does not come is overdue in its time, and soon after where the process stood still', async () => {
    const begun = performance.now();
    await expect(http.send('3000', 200)).rejects.toMatchObject({ code: 'answer_overdue', timeoutMs: 200 });
    expect(performance.now() - begun).toBeLessThan(600);
    const asked = http.send('3000', 200);
    await standStill(600);
    await expect(asked).rejects.toMatchObject({ code: 'answer_overdue' });
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
