import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './scripts/longest-first.ts'
import { serversForTests } from './scripts/servers/vitest-plugin.ts'

export default defineConfig({
  plugins: [serversForTests()],
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/**/*.test.ts', 'docs/**/*.test.ts', 'scripts/**/*.test.ts'],
    setupFiles: ['./scripts/require-node.ts'],
    testTimeout: 30_000,
    pool: 'forks',
    // Most of them wait for servers: one by one they would leave a small machine idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    sequence: { sequencer: LongestFirst },
  },
})
