import type { Logger } from './logger.ts'
import { asText } from '../../message/as-error.ts'

/**
 * The user's logger, made safe to call anywhere: what becomes of a message must not depend on whether it could be
 * logged. The first error that the logger throws becomes a warning of the process; the others would say the same.
 */
export function steadyLogger(logger: Logger): Logger {
  let warned = false
  const steady =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      try {
        logger[level](fields, message)
      } catch (error) {
        if (warned) return
        warned = true
        process.emitWarning(`the logger threw ${asText(error)} instead of writing "${message}"`, 'WaybillWarning')
      }
    }
  return { debug: steady('debug'), info: steady('info'), warn: steady('warn'), error: steady('error') }
}
