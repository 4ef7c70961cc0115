import type {
  BatchEvent,
  DriftEvent,
  InstallEvent,
  RedeemEvent,
  RetryEvent,
  RollbackEvent,
  ValidateEvent,
} from './events.js';
import { Operation } from './operation.js';

// Marked, so that a bundler leaves out those of calls that a host does not make.
export const redeemChannel: Operation<RedeemEvent> = /* @__PURE__ */ new Operation('redeem');
export const batchChannel: Operation<BatchEvent> = /* @__PURE__ */ new Operation('batch');
export const validateChannel: Operation<ValidateEvent> = /* @__PURE__ */ new Operation('validate');
export const rollbackChannel: Operation<RollbackEvent> = /* @__PURE__ */ new Operation('rollback');
export const installChannel: Operation<InstallEvent> = /* @__PURE__ */ new Operation('install');
export const driftChannel: Operation<DriftEvent> = /* @__PURE__ */ new Operation('drift');
export const retryChannel: Operation<RetryEvent> = /* @__PURE__ */ new Operation('retry');
