// What the package has for tests: import it from `@speedrun/cache/testing`.

export { backendContract } from './testing/backend-contract.ts'
export { checkBackend } from './testing/check-backend.ts'
export { backendOutcomes } from './testing/contract-outcomes.ts'
export { countedLoader } from './testing/counted-loader.ts'
export { ContractViolation } from './testing/expectations.ts'
export { fakeClock } from './testing/fake-clock.ts'
export { flakyBackend } from './testing/flaky-backend.ts'
export { createMockBackend } from './testing/mock-backend.ts'
export { createMockStore } from './testing/mock-store.ts'
export { recordedBackend } from './testing/recorded-backend.ts'

export type { BackendContractOptions } from './testing/backend-contract.ts'
export type { OutcomeResult } from './testing/check-backend.ts'
export type {
  ContractBench,
  ContractCapability,
  ContractOutcome,
  OpenBackend,
  OpenedBackend,
} from './testing/contract-case.ts'
export type { ContractOptions } from './testing/contract-plan.ts'
export type { CountedLoader } from './testing/counted-loader.ts'
export type { FakeClock, FakeClockOptions } from './testing/fake-clock.ts'
export type { FlakyBackend, FlakyOptions } from './testing/flaky-backend.ts'
export type { MockBackend, MockBackendOptions, MockCapability } from './testing/mock-backend.ts'
export type { MockCall, MockMethod } from './testing/mock-calls.ts'
export type { MockStore, StoreReader } from './testing/mock-store.ts'
export type { RecordedBackend, RecordedBackendOptions } from './testing/recorded-backend.ts'
export type { TestFunction } from './testing/test-function.ts'
