/** Names of what Nest injects and no class stands for. */
export const configToken = Symbol('config');
export const loggerToken = Symbol('logger');
