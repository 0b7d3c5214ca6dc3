import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import type { Announcement } from '../../broker/process/announcement.ts'
import { readAnnouncement } from '../../broker/process/announcement-file.ts'

const SERVICE = fileURLToPath(new URL('service.child.test-support.ts', import.meta.url))

/** A data folder for one test, whose broker and files go with it. */
export class TestFolder implements Disposable {
  readonly #home: string = mkdtempSync(join(tmpdir(), 'waybill-shared-'))
  readonly dir: string = join(this.#home, 'data')

  get announced(): Announcement {
    const reading = readAnnouncement(this.dir)
    if (reading.state !== 'announced') throw new Error(`nothing is announced: ${JSON.stringify(reading)}`)
    return reading.announcement
  }

  /** The lives of brokers that the log tells of. */
  get lives(): readonly string[] {
    const log = join(this.dir, 'broker.log')
    return existsSync(log) ? [...readFileSync(log, 'utf8').matchAll(/ begin (\S+)/g)].map(([, id = '']) => id) : []
  }

  get log(): string {
    return readFileSync(join(this.dir, 'broker.log'), 'utf8')
  }

  /** Ends the broker that is announced, at once. */
  kill(): void {
    process.kill(this.announced.pid, 'SIGKILL')
  }

  [Symbol.dispose](): void {
    const reading = readAnnouncement(this.dir)
    // A file that a test wrote names this process.
    if (
      reading.state === 'announced' &&
      reading.announcement.pid !== process.pid &&
      isRunning(reading.announcement.pid)
    )
      process.kill(reading.announcement.pid, 'SIGKILL')
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 })
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until a process that is nobody's child here has ended. */
export async function ended(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 10_000 })
}

/** A service in a process of its own, that connects, publishes once and ends: what it says. */
export async function runService(dir: string): Promise<{ readonly output: string; readonly code: number | null }> {
  const child = spawn(process.execPath, [SERVICE, dir], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  for await (const chunk of child.stdout.setEncoding('utf8')) output += String(chunk)
  return { output, code: await exited }
}
