import type { RpcAnswer } from './json-rpc.js';
import { type BroadcastOutcome, broadcastOutcomeOf, type RpcError } from './rpc-error.js';

/** Whether a node has the transaction now: then nothing that other nodes say changes that. */
export function isTaken({ outcome }: BroadcastOutcome): boolean {
  return outcome === 'accepted' || outcome === 'known';
}

/** What one node's answer to `eth_sendRawTransaction` means; undefined where it leaves open what became of it. */
export function outcomeOf(answer: RpcAnswer): BroadcastOutcome | undefined {
  return answer.ok ? { outcome: 'accepted' } : broadcastOutcomeOf(answer.error as RpcError);
}

/**
 * One outcome from those of all nodes that answered: taken if any took it. That the nonce is spent needs all of them,
 * for a node that follows another branch, or invents it, must not end an attempt. undefined when none answered.
 */
export function combineOutcomes(outcomes: readonly BroadcastOutcome[]): BroadcastOutcome | undefined {
  const taken =
    outcomes.find(({ outcome }) => outcome === 'accepted') ??
    outcomes.find(({ outcome }) => outcome === 'known');
  if (taken !== undefined) return taken;
  const refused = outcomes.find(({ outcome }) => outcome === 'refused');
  return refused ?? outcomes[0];
}
