import type { Runtime } from '../runtime/runtime.ts'
import { childSpan, formatTraceparent, newTrace, parseTraceparent } from './trace-context.ts'
import type { WireMessage } from './wire-message.ts'

/** What a message inherits from the one whose handling sends it. */
export interface Cause {
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
  readonly traceparent: string
  readonly tracestate: string | undefined
}

/** Longer ones are left out: that is how much everybody must pass on (W3C Trace Context section 3.3.1.5). */
const MAX_TRACESTATE_LENGTH = 512

/** Nothing caused message `id`: it is the first of its correlation and of its trace. */
export function firstCause(id: string, runtime: Pick<Runtime, 'random'>): Cause {
  const traceparent = formatTraceparent(newTrace(runtime.random))
  return { correlationId: id, causationId: undefined, traceparent, tracestate: undefined }
}

/**
 * The handling of `parent` causes a message: the parent's correlation id, or else its id; its id as the causation id; a
 * new span of its trace, or a new trace when it has no valid one.
 */
export function causedBy(
  parent: Pick<WireMessage, 'id' | 'correlationId' | 'traceparent' | 'tracestate'>,
  runtime: Pick<Runtime, 'random'>,
): Cause {
  const span = parent.traceparent === undefined ? undefined : parseTraceparent(parent.traceparent)
  const id = parent.id === '' ? undefined : parent.id
  const { tracestate } = parent
  return {
    correlationId: parent.correlationId ?? id,
    causationId: id,
    traceparent: formatTraceparent(span === undefined ? newTrace(runtime.random) : childSpan(span, runtime.random)),
    // Without a valid traceparent nobody may look at the tracestate (section 4.3).
    tracestate:
      span === undefined || tracestate === undefined || tracestate.length > MAX_TRACESTATE_LENGTH
        ? undefined
        : tracestate,
  }
}
