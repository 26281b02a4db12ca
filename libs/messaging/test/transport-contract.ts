import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { catalogue, topics } from '@quittance/events';

import {
  createTransport,
  type DeadLetter,
  type EventBatch,
  type EventTransport,
  handlerTriesMax,
  type SubscribeOptions,
  TransportUnavailableError,
  type TransportOptions,
} from '../src/index.js';
import { acceptedEvent, acceptedEvents, eventually, idsOf, Receiver } from './event-fixture.js';

/** What the contract needs of one kind of transport. */
export type TransportHarness = {
  readonly options: TransportOptions;
  /** Puts anything into a topic, past all checks. */
  appendRaw(record: { readonly topic: string; readonly key: string; readonly value: string }): Promise<void>;
  deadLetters(): Promise<readonly DeadLetter[]>;
  /** Takes the server down as a crash does, and brings it back. Not asked of servers that belong to somebody else. */
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  stop(): Promise<void>;
};

const topic = topics.payments.name;
const replacementMaxMs = 15_000;
const hungConsumer = fileURLToPath(new URL('./hung-consumer.mjs', import.meta.url));

class TemporaryFault extends Error {
  readonly retryable = true;
}

const newGroup = (): string => `ledger.${randomUUID()}`;

/** What every transport promises; both are held to it by the same words. */
export function describeTransport(
  name: string,
  start: () => Promise<TransportHarness>,
  ownServer = true,
): void {
  const itWithOwnServer = ownServer ? it : it.skip;

  describe(`the ${name} transport`, () => {
    let harness: TransportHarness;
    const open = new Set<EventTransport>();

    beforeAll(async () => {
      harness = await start();
    }, 120_000);
    afterEach(async () => {
      await Promise.all([...open].map((transport) => transport.close()));
      open.clear();
    });
    afterAll(() => harness.stop());

    const connect = (): EventTransport => {
      const transport = createTransport(harness.options);
      open.add(transport);
      return transport;
    };
    const subscribe = async (options: Omit<SubscribeOptions, 'topics'>): Promise<EventTransport> => {
      const transport = connect();
      await transport.subscribe({ topics: [topic], ...options });
      return transport;
    };

    it('delivers the events of each key in the order they were published in', async () => {
      const keys = Array.from({ length: 20 }, () => randomUUID());
      const events = Array.from({ length: 10 }, () => keys.map((key) => acceptedEvent(key))).flat();
      const receiver = new Receiver();
      const transport = await subscribe({ group: newGroup(), onBatch: receiver.onBatch });
      for (let at = 0; at < events.length; at += 30) await transport.publish(events.slice(at, at + 30));

      await eventually('all events arrive', () => receiver.has(events));
      const arrived = receiver.batches.flatMap((batch) => batch.events);
      for (const key of keys) {
        expect(idsOf(arrived.filter((event) => event.key === key))).toEqual(
          idsOf(events.filter((event) => event.key === key)),
        );
      }
    });

    it('hands over no batch larger than asked', async () => {
      const events = acceptedEvents(40, randomUUID());
      await connect().publish(events);
      const receiver = new Receiver();
      await subscribe({ group: newGroup(), batchMax: 7, onBatch: receiver.onBatch });

      await eventually('all events arrive', () => receiver.has(events));
      expect(Math.max(...receiver.batches.map((batch) => batch.events.length))).toBe(7);
    });

    it('gathers what comes close together into few batches, when asked to', async () => {
      const key = randomUUID();
      const receiver = new Receiver();
      const transport = await subscribe({ group: newGroup(), gatherMs: 500, onBatch: receiver.onBatch });
      const first = [acceptedEvent(key)];
      await transport.publish(first);
      await eventually('the group has caught up', () => receiver.has(first));

      const events = acceptedEvents(12, key);
      for (const event of events) await transport.publish([event]);
      await eventually('all events arrive', () => receiver.has(events));
      const theirs = receiver.batches.filter((batch) =>
        batch.events.some(({ id }) => idsOf(events).includes(id)),
      );
      expect(theirs.length).toBeLessThanOrEqual(3);
    });

    it('replays everything from the first event to a new group', async () => {
      const events = acceptedEvents(12, randomUUID());
      await connect().publish(events);
      const [first, second] = [new Receiver(), new Receiver()];
      await subscribe({ group: newGroup(), onBatch: first.onBatch });
      await eventually('the first group has all', () => first.has(events));
      await subscribe({ group: newGroup(), onBatch: second.onBatch });
      await eventually('the second group has all', () => second.has(events));
      expect(second.ids(events)).toEqual(idsOf(events));
    });

    it('goes on where the group stopped, after a restart', async () => {
      const group = newGroup();
      const [before, after] = [acceptedEvents(5), acceptedEvents(5)];
      const [first, second] = [new Receiver(), new Receiver()];
      const transport = await subscribe({ group, onBatch: first.onBatch });
      await transport.publish(before);
      await eventually('the first batch', () => first.has(before));
      await transport.close();

      await connect().publish(after);
      await subscribe({ group, onBatch: second.onBatch });
      await eventually('the second batch', () => second.has(after));
      expect(second.ids(before)).toEqual([]);
    });

    it('delivers a batch again after a fault that can be retried, until it succeeds', async () => {
      const event = acceptedEvent();
      const receiver = new Receiver();
      let tries = 0;
      const transport = await subscribe({
        group: newGroup(),
        onBatch: async (batch) => {
          if (idsOf(batch.events).includes(event.id) && (tries += 1) <= handlerTriesMax + 2) {
            throw new TemporaryFault('the database is away');
          }
          await receiver.onBatch(batch);
        },
      });
      await transport.publish([event]);
      await eventually('the event arrives', () => receiver.has([event]));
      expect(tries).toBe(handlerTriesMax + 3);
      expect((await harness.deadLetters()).filter((letter) => letter.key === event.key)).toEqual([]);
    });

    it('gives the work of a killed consumer to another of its group, and loses nothing', async () => {
      const group = newGroup();
      const events = acceptedEvents(60);
      await connect().publish(events);
      const doomed = fork(hungConsumer, [
        JSON.stringify({ transport: harness.options, group, topics: [topic] }),
      ]);
      await once(doomed, 'message');
      doomed.kill('SIGKILL');
      await once(doomed, 'exit');

      const receiver = new Receiver();
      const startedAt = Date.now();
      await subscribe({ group, onBatch: receiver.onBatch });
      await eventually('another takes over', () => receiver.has(events), replacementMaxMs + 5_000);
      expect(Date.now() - startedAt).toBeLessThan(replacementMaxMs);
    });

    it('lets consumers come and go within a group without losing an event', async () => {
      const group = newGroup();
      const events = acceptedEvents(200);
      const receivers = [new Receiver(), new Receiver()];
      const publisher = connect();
      const slowly = (receiver: Receiver) => async (batch: EventBatch) => {
        await sleep(3);
        await receiver.onBatch(batch);
      };
      const [first, second] = receivers as [Receiver, Receiver];
      await subscribe({ group, batchMax: 5, onBatch: slowly(first) });
      await publisher.publish(events.slice(0, 100));
      await eventually('the first has begun', () => first.ids(events).length > 0);
      const leaver = await subscribe({ group, batchMax: 5, onBatch: slowly(second) });
      await publisher.publish(events.slice(100, 150));
      await eventually('half has arrived', () => first.ids(events).length + second.ids(events).length > 100);
      await leaver.close();
      await publisher.publish(events.slice(150));
      const arrived = () => new Set(receivers.flatMap((receiver) => receiver.ids(events)));
      await eventually('all has arrived', () => arrived().size === events.length);
    });

    it.each([
      ['text that is not JSON', 'no event at all', /not JSON/],
      ['JSON that is no event', JSON.stringify({ id: 1, type: 'payment.invented' }), /type|input/i],
      ['an event of another topic', JSON.stringify(catalogue['settlement.failed'].fixture), /belongs to/],
    ])('puts %s aside with the reason, and goes on behind it', async (_case, value, reason) => {
      const key = randomUUID();
      const events = acceptedEvents(3, key);
      const receiver = new Receiver();
      const group = newGroup();
      await harness.appendRaw({ topic, key, value });
      const transport = await subscribe({ group, onBatch: receiver.onBatch });
      await transport.publish(events);

      await eventually('the events behind arrive', () => receiver.has(events));
      const letters = async () =>
        (await harness.deadLetters()).filter((letter) => letter.group === group && letter.key === key);
      await eventually('the dead letter', async () => (await letters()).length > 0);
      expect(await letters()).toEqual([
        expect.objectContaining({ topic, value, truncated: false, reason: expect.stringMatching(reason) }),
      ]);
    });

    it('puts an event aside that its handler cannot bear, and delivers the rest of its batch', async () => {
      const key = randomUUID();
      const events = acceptedEvents(5, key);
      const bad = events[2] ?? acceptedEvent();
      const group = newGroup();
      const receiver = new Receiver();
      let refusals = 0;
      await connect().publish(events);
      await subscribe({
        group,
        onBatch: async (batch) => {
          if (idsOf(batch.events).includes(bad.id)) {
            refusals += 1;
            throw new RangeError('three is too many');
          }
          await receiver.onBatch(batch);
        },
      });

      const good = events.filter((event) => event !== bad);
      await eventually('the others arrive', () => receiver.has(good));
      const mine = async () =>
        (await harness.deadLetters()).filter((letter) => letter.group === group && letter.key === key);
      await eventually('the bad one is put aside', async () => (await mine()).length > 0);
      expect(await mine()).toEqual([
        expect.objectContaining({ key, reason: 'RangeError: three is too many', value: JSON.stringify(bad) }),
      ]);
      expect(refusals).toBe(2 * handlerTriesMax);
    });

    it('waits for the running handler when it closes, and keeps its offset', async () => {
      const group = newGroup();
      const event = acceptedEvent();
      const [first, second] = [new Receiver(), new Receiver()];
      let entered = false;
      const transport = await subscribe({
        group,
        onBatch: async (batch) => {
          entered ||= idsOf(batch.events).includes(event.id);
          await sleep(200);
          await first.onBatch(batch);
        },
      });
      await transport.publish([event]);
      await eventually('the handler runs', () => entered);
      await transport.close();
      expect(first.has([event])).toBe(true);

      const next = acceptedEvent(event.key);
      await connect().publish([next]);
      await subscribe({ group, onBatch: second.onBatch });
      await eventually('the next event arrives', () => second.has([next]));
      expect(second.ids([event])).toEqual([]);
    });

    it('refuses a subscription that could never work', async () => {
      const onBatch = async (): Promise<void> => undefined;
      const refused = { code: 'transport_misconfigured' };
      await expect(connect().subscribe({ group: 'Ledger!', topics: [topic], onBatch })).rejects.toMatchObject(
        refused,
      );
      await expect(connect().subscribe({ group: 'ledger', topics: [], onBatch })).rejects.toMatchObject(
        refused,
      );
      await expect(
        connect().subscribe({ group: 'ledger', topics: [topics.deadLetters.name], onBatch }),
      ).rejects.toMatchObject(refused);
      await expect(
        connect().subscribe({ group: 'ledger', topics: [topic], batchMax: 0, onBatch }),
      ).rejects.toMatchObject(refused);
    });

    itWithOwnServer(
      'says when it is away, keeps trying, and works again by itself',
      async () => {
        const group = newGroup();
        const [before, after] = [acceptedEvent(), acceptedEvent()];
        const [early, late] = [new Receiver(), new Receiver()];
        const transport = await subscribe({ group, onBatch: early.onBatch });
        await transport.publish([before]);
        await eventually('it works at first', () => early.has([before]));

        await harness.stopServer();
        await expect(transport.publish([after])).rejects.toBeInstanceOf(TransportUnavailableError);
        await expect(transport.ping()).rejects.toMatchObject({
          code: 'transport_unavailable',
          retryable: true,
        });
        const starter = await subscribe({ group: newGroup(), onBatch: late.onBatch });
        await expect(starter.ping()).rejects.toBeInstanceOf(TransportUnavailableError);
        await harness.startServer();

        await eventually('ping answers', () =>
          transport.ping().then(
            () => true,
            () => false,
          ),
        );
        await eventually('publishing works', () =>
          transport.publish([after]).then(
            () => true,
            () => false,
          ),
        );
        await eventually('the old consumer goes on', () => early.has([after]));
        await eventually('the one started meanwhile begins', () => late.has([before, after]));
      },
      60_000,
    );
  });
}
