// How the tests run. They import src directly; only tests of the package itself (test/architecture) need a build, which
// `npm test` makes first. Each file has its own process, because tests change what a process has only one of: the default
// cache, the environment, signals.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'examples/**/test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // A test waits up to a generous limit for an event; it never fails because a busy machine took a little longer.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    dangerouslyIgnoreUnhandledErrors: false,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
  },
})
