/** Names of what Nest injects and no class stands for. */
export const configToken = Symbol('config');
/** What `/settle` is made of. */
export const settlePortsToken = Symbol('settle ports');
export const loggerToken = Symbol('logger');
