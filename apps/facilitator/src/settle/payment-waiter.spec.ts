import { describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';

import type { Payment, PaymentState } from '../payment/payment.js';
import { PaymentWaiter } from './payment-waiter.adapter.js';

const id = '6f2d3c1a-5b7e-8f90-a1b2-c3d4e5f60718' as PaymentId;

function registry(first: PaymentState) {
  let state = first;
  let queries = 0;
  let fault: Error | undefined;
  return {
    decide: (next: PaymentState) => void (state = next),
    breakWith: (error: Error | undefined) => void (fault = error),
    queries: () => queries,
    findMany: async (ids: readonly PaymentId[]): Promise<Payment[]> => {
      queries += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (fault !== undefined) throw fault;
      return ids.map((found) => ({ id: found, state }) as Payment);
    },
  };
}

describe('waiting for a payment', () => {
  it('ends at once for one that is decided already', async () => {
    const waiter = new PaymentWaiter({ findMany: registry('failed').findMany, waitMs: 60_000 });
    await expect(waiter.wait(id)).resolves.toMatchObject({ state: 'failed' });
  });

  it('ends for all with the notification, and asks once for them together', async () => {
    const payments = registry('accepted');
    const waiter = new PaymentWaiter({ findMany: payments.findMany, waitMs: 60_000 });
    const waits = Array.from({ length: 100 }, () => waiter.wait(id));
    await new Promise((resolve) => setTimeout(resolve, 30));
    payments.decide('confirmed');
    waiter.notify(id);
    for (const payment of await Promise.all(waits)) expect(payment.state).toBe('confirmed');
    expect(payments.queries()).toBeLessThanOrEqual(3);
  });

  it('ends with the poll when the notification was lost', async () => {
    const payments = registry('accepted');
    const waiter = new PaymentWaiter({ findMany: payments.findMany, waitMs: 60_000, pollIntervalMs: 20 });
    waiter.start();
    const wait = waiter.wait(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
    payments.decide('confirmed');
    await expect(wait).resolves.toMatchObject({ state: 'confirmed' });
    waiter.close();
  });

  it('ends when the time is up, with what was last seen, through faults in between', async () => {
    const payments = registry('submitted');
    const waiter = new PaymentWaiter({ findMany: payments.findMany, waitMs: 80 });
    const wait = waiter.wait(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
    payments.breakWith(new RangeError('down'));
    waiter.notify(id);
    await expect(wait).resolves.toMatchObject({ state: 'submitted' });
  });

  it('is a fault and no answer when the payment could never be seen', async () => {
    const payments = registry('accepted');
    payments.breakWith(new RangeError('down'));
    const waiter = new PaymentWaiter({ findMany: payments.findMany, waitMs: 30 });
    await expect(waiter.wait(id)).rejects.toThrow('down');
    const silent = new PaymentWaiter({ findMany: () => new Promise(() => undefined), waitMs: 10 });
    await expect(silent.wait(id)).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
  });

  it('ends with the registry’s first word even when the time is up before it', async () => {
    const waiter = new PaymentWaiter({ findMany: registry('accepted').findMany, waitMs: 0 });
    await expect(waiter.wait(id)).resolves.toMatchObject({ state: 'accepted' });
  });

  it('ends for everybody when the service does', async () => {
    const waiter = new PaymentWaiter({ findMany: registry('submitted').findMany, waitMs: 60_000 });
    const waits = [waiter.wait(id), waiter.wait(id)];
    await new Promise((resolve) => setTimeout(resolve, 20));
    waiter.close();
    for (const payment of await Promise.all(waits)) expect(payment.state).toBe('submitted');
  });

  it('asks for an expected payment only once something is heard of it', async () => {
    const payments = registry('confirmed');
    const waiter = new PaymentWaiter({ findMany: payments.findMany, waitMs: 60_000 });
    const expected = waiter.expect(id);
    const wait = expected.wait();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(payments.queries()).toBe(0);
    waiter.notify(id);
    await expect(wait).resolves.toMatchObject({ state: 'confirmed' });
    expect(payments.queries()).toBe(1);
  });

  it('hears what is said of an expected payment before anybody waits for it', async () => {
    const payments = registry('confirmed');
    const waiter = new PaymentWaiter({ findMany: payments.findMany, waitMs: 60_000 });
    const expected = waiter.expect(id);
    waiter.notify(id);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await expect(expected.wait()).resolves.toMatchObject({ state: 'confirmed' });
    expect(payments.queries()).toBe(1);
  });

  it('looks at an expected payment by itself, when nothing was heard of it and when its time is up', async () => {
    const payments = registry('confirmed');
    const polling = new PaymentWaiter({ findMany: payments.findMany, waitMs: 60_000, pollIntervalMs: 20 });
    polling.start();
    await expect(polling.expect(id).wait()).resolves.toMatchObject({ state: 'confirmed' });
    polling.close();
    const late = new PaymentWaiter({ findMany: registry('submitted').findMany, waitMs: 10 });
    await expect(late.expect(id).wait()).resolves.toMatchObject({ state: 'submitted' });
  });

  it('forgets an expected payment that was not reserved, and keeps it for others who wait', async () => {
    const payments = registry('submitted');
    const waiter = new PaymentWaiter({ findMany: payments.findMany, waitMs: 60_000 });
    const dropped = waiter.expect(id);
    const kept = waiter.expect(id).wait();
    dropped.drop();
    payments.decide('confirmed');
    waiter.notify(id);
    await expect(kept).resolves.toMatchObject({ state: 'confirmed' });
    waiter.expect(id).drop();
    const asked = payments.queries();
    waiter.notify(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(payments.queries()).toBe(asked);
  });
});
