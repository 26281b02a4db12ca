import { describe, expect, it } from '@jest/globals';

import { may, type Role, roles } from './role.js';

/** Every role with what it may, written out: nobody gets more by being something else. */
const mayBe: Record<Role, readonly Role[]> = {
  viewer: ['viewer'],
  analyst: ['viewer', 'analyst'],
  operator: ['viewer', 'analyst', 'operator'],
  approver: ['viewer', 'analyst', 'approver'],
  controller: ['viewer', 'analyst', 'controller', 'auditor'],
  auditor: ['viewer', 'analyst', 'auditor'],
};

describe('a role', () => {
  it.each(roles)('%s may what it says, and nothing else', (role) => {
    expect(roles.filter((needed) => may({ name: 'ada', roles: [role] }, needed))).toEqual(mayBe[role]);
  });

  it('adds to the others that somebody has', () => {
    const both = { name: 'ada', roles: ['operator', 'approver'] as const };
    expect(roles.filter((needed) => may(both, needed))).toEqual([
      'viewer',
      'analyst',
      'operator',
      'approver',
    ]);
  });
});
