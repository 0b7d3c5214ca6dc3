// What a test run needs of this machine, and what it did without. It stands in the configuration of Vitest as a plugin,
// so that `--reporter` does not switch it off.
import type { Reporter, TestModule, TestRunEndReason, TestSpecification, Vitest } from 'vitest/node'
import { ServersForTests } from './for-tests.ts'
import { NO_REASON, skippedOf, type Skipped } from './skipped.ts'

interface Plugin {
  readonly name: string
  configureVitest(context: { readonly vitest: Vitest }): void
}

export function serversForTests(): Plugin {
  return {
    name: 'waybill:servers-for-tests',
    configureVitest: ({ vitest }) => void vitest.config.reporters.push(new MachineReporter()),
  }
}

class MachineReporter implements Reporter {
  readonly #servers = new ServersForTests()
  #isPart = false

  onInit(vitest: Vitest): void {
    // Then most are skipped because nobody asked for them.
    this.#isPart = vitest.config.testNamePattern !== undefined
  }

  async onTestRunStart(specifications: readonly TestSpecification[]): Promise<void> {
    await this.#servers.provide(specifications.map(({ moduleId }) => moduleId))
  }

  async onTestRunEnd(
    modules: readonly TestModule[],
    _errors: readonly unknown[],
    reason: TestRunEndReason,
  ): Promise<void> {
    await this.#servers.end()
    const isCi = process.env['CI'] === 'true'
    const skipped = skippedOf(modules).filter((each) => each.reason !== NO_REASON || (isCi && !this.#isPart))
    if (reason === 'interrupted' || skipped.length === 0) return
    console.log(summaryOf(skipped))
    if (!isCi) return
    console.error('With CI=true nothing is skipped.\n')
    process.exitCode = 1
  }
}

function summaryOf(skipped: readonly Skipped[]): string {
  const lines = skipped.flatMap(({ reason, files }) => [
    `  ${reason}`,
    ...[...files].map(([file, count]) => `    ${String(count).padStart(4)}  ${file}`),
  ])
  return `\nSKIPPED, for what is missing here:\n${lines.join('\n')}\n`
}
