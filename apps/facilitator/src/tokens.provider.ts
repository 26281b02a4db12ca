/** Names of what Nest injects and no class stands for. */
export const configToken = Symbol('config');
/** What `/verify` and `/settle` are made of. */
export const verifyPortsToken = Symbol('verify ports');
export const settlePortsToken = Symbol('settle ports');
export const loggerToken = Symbol('logger');
