// The seam's own word for where messages flow; the type is a message's, because a contract names its channel.
export { hasOneRecipient, type Channel, type ChannelKind } from '../message/channel.ts'
