// Where replies go:
//   <topic>                          a service's replies, which its group receives
//   <topic>/<partition>/<process>    one process, which reads that partition and drops what is for others
const PROCESS_HEADER = 'waybill-reply-to-process'

export interface Destination {
  readonly topic: string
  readonly partition: number
  readonly headers?: Readonly<Record<string, string>>
}

export function addressOfProcess(topic: string, partition: number, process: string): string {
  return `${topic}/${partition}/${process}`
}

/** `undefined` where it is no address of ours. */
export function destinationOf(address: string): Destination | undefined {
  const parts = /^(?<topic>[\w.-]{1,249})(?:\/(?<partition>\d{1,5})\/(?<process>[\w-]{1,100}))?$/.exec(address)?.groups
  if (parts === undefined) return undefined
  const { topic = '', partition, process } = parts
  if (process === undefined) return { topic, partition: 0 }
  return { topic, partition: Number(partition), headers: { [PROCESS_HEADER]: process } }
}

/** The process that a reply is for, and the headers without it. */
export function recipientOf(headers: Readonly<Record<string, string>>): {
  readonly process: string | undefined
  readonly headers: Readonly<Record<string, string>>
} {
  const { [PROCESS_HEADER]: process, ...rest } = headers
  return { process, headers: rest }
}
