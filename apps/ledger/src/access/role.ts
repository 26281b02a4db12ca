/**
 * What people and programs may do: viewer reads reports, analyst exports them, operator drafts journals and asks for checks,
 * approver posts what another one drafted, auditor reads everything with its proofs, controller closes and clears.
 */
export const roles = ['viewer', 'analyst', 'operator', 'approver', 'controller', 'auditor'] as const;
export type Role = (typeof roles)[number];

/** Who asks. `name` is kept with everything that was done. */
export type Actor = { readonly name: string; readonly roles: readonly Role[] };

/** Whose work the books call that of the service itself; no token may carry it. */
export const serviceActor = 'ledger';

/** What a role may besides its own: nobody approves, closes or drafts by being something else. */
const included: Readonly<Record<Role, readonly Role[]>> = {
  viewer: [],
  analyst: ['viewer'],
  operator: ['analyst', 'viewer'],
  approver: ['analyst', 'viewer'],
  auditor: ['analyst', 'viewer'],
  controller: ['auditor', 'analyst', 'viewer'],
};

export function may(actor: Actor, needed: Role): boolean {
  return actor.roles.some((role) => role === needed || included[role].includes(needed));
}
