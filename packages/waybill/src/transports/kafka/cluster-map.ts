import type { BrokerAddress } from './broker-address.ts'
import { CODE } from './kafka-errors.ts'

export interface TopicInfo {
  readonly name: string
  readonly id: string
  /** The leader of each partition. */
  readonly leaders: readonly number[]
}

interface PartitionAnswer {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
}

interface TopicAnswer {
  readonly errorCode: number
  readonly name?: string | null | undefined
  readonly topicId: string
  readonly partitions: readonly PartitionAnswer[]
}

interface MetadataAnswer {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
  readonly topics: readonly TopicAnswer[]
}

/** What a session knows of the cluster: its brokers as they advertise themselves, topics, coordinators. */
export class ClusterMap {
  readonly brokers: Map<number, BrokerAddress> = new Map()
  readonly topics: Map<string, TopicInfo> = new Map()
  /** By kind and key. */
  readonly coordinators: Map<string, number> = new Map()

  /** Takes the brokers for all there are; topics that are not in the answer stay. */
  learn({ brokers, topics }: MetadataAnswer): void {
    this.brokers.clear()
    for (const { nodeId, host, port } of brokers) this.brokers.set(nodeId, { host, port })
    for (const topic of topics) {
      if (typeof topic.name !== 'string') continue
      if (codeOfTopic(topic) === CODE.none) {
        const leaders: number[] = []
        for (const { partitionIndex, leaderId } of topic.partitions) leaders[partitionIndex] = leaderId
        this.topics.set(topic.name, { name: topic.name, id: topic.topicId, leaders })
      } else this.topics.delete(topic.name)
    }
  }
}

/** Its own, or that of a partition without a leader. */
export function codeOfTopic({ errorCode, partitions }: TopicAnswer): number {
  if (errorCode !== CODE.none) return errorCode
  return partitions.find((each) => each.leaderId < 0)?.errorCode ?? CODE.none
}
