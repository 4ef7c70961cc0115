// What tests write with: a schema, database or role of their own, provoked races, and PostgreSQL's client programs.
export { type ClientTool, clientTool, clientToolOrSkip, runTool, type ToolName, type ToolResult } from './client-tools';
export type { Connections } from './connections';
export { type TestDatabase, useDatabase } from './database';
export { storedName } from './names';
export { type Blocked, backendPid, barrier, endBackend, eventually, waitUntilBlocked } from './races';
export { type RoleOptions, type TestRole, useRole } from './role';
export { type TestSchema, useSchema } from './schema';
export { cases, isWhole } from './scope';
