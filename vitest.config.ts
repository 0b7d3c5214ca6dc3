import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/**/*.test.ts', 'docs/**/*.test.ts', 'scripts/**/*.test.ts'],
    globalSetup: ['./scripts/rabbitmq-for-tests.ts'],
    setupFiles: ['./scripts/require-node.ts'],
    testTimeout: 30_000,
    pool: 'forks',
  },
})
