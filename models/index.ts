/** Models of what a store may answer, and the judge that holds histories against them. */

export { checkLinearizable } from './checker/linearizability';
export type { CheckOptions, PartVerdict, Verdict } from './checker/linearizability';
export type { BudgetOptions } from './checker/budget';
export type { Explanation, Rejection } from './checker/decider';
export { ILLEGAL, labelByAnswer } from './model';
export type { Effect, Model } from './model';
export { ModelError } from './modelError';
export { register } from './register';
export type { RegisterOptions } from './register';
export type { RegisterValue } from './registerValue';
export { etcdRegister } from './etcdRegister';
export type { EtcdRegisterOptions, EtcdRegisterState } from './etcdRegister';
export { etcd } from './etcd';
export type { EtcdOptions } from './etcd';
export type { EtcdState } from './etcdStore';
export { kv } from './kv';
export type { KvState } from './kv';
export { modelFor, modelNamed, registeredModels } from './registry';
export type { RegisteredModel } from './registry';
export { set } from './set';
export type { SetState } from './set';
export { queue } from './queue';
export type { QueueState } from './queue';
export { lock } from './lock';
export type { LockState } from './lock';
export { linearizabilityMatchers } from './matcher';
export type { LinearizabilityMatchers } from './matcher';
