/**
 * Where Waybill writes what an operator should read. pino's logger fits as it is. Fields first, then one sentence;
 * never a body, never a secret.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Writes warnings and errors to standard error, one line each, and is otherwise silent. The default. */
export const consoleLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => console.warn(line('warn', fields, message)),
  error: (fields, message) => console.error(line('error', fields, message)),
}

/** Writes nothing. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function line(level: string, fields: object, message: string): string {
  const shown = Object.entries(fields).map(
    ([name, value]) => `${name}=${value instanceof Error ? value.message : JSON.stringify(value)}`,
  )
  return `waybill ${level}: ${message}${shown.length === 0 ? '' : ` (${shown.join(' ')})`}`
}
