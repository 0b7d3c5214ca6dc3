/** Exit codes of rabbitmqctl, which are those of sysexits.h. */
export const EXIT = { usage: 64, data: 65, noUser: 67, unavailable: 69, software: 70 } as const

/** What is said after `Error:`, and the exit code. */
export class CtlError extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}
