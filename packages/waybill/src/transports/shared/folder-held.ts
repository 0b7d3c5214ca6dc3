import { PROTOCOL, type AnnouncementReading } from '../../broker/process/announcement.ts'
import { WaybillError } from '../../message/errors.ts'
import { PACKAGE_VERSION } from '../../message/package-version.ts'
import type { ProbeResult } from './probe.ts'

/**
 * Why no broker can be started in a folder, by what is announced there.
 *
 * @param probed what came of connecting to the broker that is announced
 */
export function folderHeld(
  dir: string,
  reading: AnnouncementReading,
  probed: ProbeResult | undefined,
  cause: Error,
): WaybillError {
  if (reading.state === 'other-protocol') {
    const { version, protocol, pid } = reading
    return new WaybillError(
      'WAYBILL_BROKER_VERSION',
      `the broker of ${dir} (process ${pid}) is Waybill ${version} with protocol ${protocol}; ` +
        `this is Waybill ${PACKAGE_VERSION} with protocol ${PROTOCOL}`,
      { cause },
    )
  }
  if (reading.state === 'announced' && probed === 'silent') {
    const { pid, version, host, port } = reading.announcement
    return new WaybillError(
      'WAYBILL_BROKER_UNREACHABLE',
      `${dir} is held by a broker that does not answer: process ${pid} (Waybill ${version}) at ${host}:${port}`,
      { cause, cure: `Let it go on (kill -CONT ${pid}), or end it (kill -KILL ${pid}): then another takes its place.` },
    )
  }
  return new WaybillError('WAYBILL_BROKER_UNREACHABLE', `${dir} is held by another process, ${announced(reading)}`, {
    cause,
    cure:
      'Where that is a bus with embedded({ dir, inProcess: true }), give it a folder of its own, or leave out ' +
      'inProcess. A broker in another container is not reached through its folder, but by its address.',
  })
}

function announced(reading: AnnouncementReading): string {
  switch (reading.state) {
    case 'announced': {
      const { host, port, pid } = reading.announcement
      return `and the broker announced in broker.json (process ${pid} at ${host}:${port}) is not there`
    }
    case 'unreadable':
      return `and its broker.json cannot be read: ${reading.why}`
    default:
      return 'which announces no broker'
  }
}
