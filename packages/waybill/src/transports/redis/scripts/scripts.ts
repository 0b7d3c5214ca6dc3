// The scripts by name. Everything that must be so for all, or all at once, is one of them: the server runs one at a time.
import { createHash } from 'node:crypto'
import { DECLARE_CHANNEL, DECLARE_GROUP, READ_FROM } from './declare.ts'
import { FETCH, MOVE, RECLAIM, SETTLE } from './group.ts'
import { INSPECT, OPEN_REPLIES, TAKE_REPLIES, TRIM_CHANNEL } from './look.ts'
import { HEARTBEAT, JOIN, LEAVE } from './members.ts'
import { ANSWER, PUBLISH } from './publish.ts'
import { FETCH_SHARDS, RELEASE_SHARD, SETTLE_SHARD, TAKE_SHARD } from './shard.ts'
import { DECIDE, LAST_LETTER } from './visit.ts'

export type ScriptName =
  | 'publish'
  | 'answer'
  | 'declareChannel'
  | 'declareGroup'
  | 'readFrom'
  | 'join'
  | 'leave'
  | 'heartbeat'
  | 'moveDue'
  | 'fetch'
  | 'reclaim'
  | 'settle'
  | 'takeShard'
  | 'releaseShard'
  | 'fetchShards'
  | 'settleShard'
  | 'trimChannel'
  | 'inspect'
  | 'takeReplies'
  | 'openReplies'
  | 'lastLetter'
  | 'decide'

const SOURCES: Readonly<Record<ScriptName, string>> = {
  publish: PUBLISH,
  answer: ANSWER,
  declareChannel: DECLARE_CHANNEL,
  declareGroup: DECLARE_GROUP,
  readFrom: READ_FROM,
  join: JOIN,
  leave: LEAVE,
  heartbeat: HEARTBEAT,
  moveDue: MOVE,
  fetch: FETCH,
  reclaim: RECLAIM,
  settle: SETTLE,
  takeShard: TAKE_SHARD,
  releaseShard: RELEASE_SHARD,
  fetchShards: FETCH_SHARDS,
  settleShard: SETTLE_SHARD,
  trimChannel: TRIM_CHANNEL,
  inspect: INSPECT,
  takeReplies: TAKE_REPLIES,
  openReplies: OPEN_REPLIES,
  lastLetter: LAST_LETTER,
  decide: DECIDE,
}

/** What makes room, or is needed for it: it goes on although the server is short of memory. */
const DRAINING: readonly ScriptName[] = [
  'declareChannel',
  'declareGroup',
  'moveDue',
  'join',
  'leave',
  'heartbeat',
  'fetch',
  'reclaim',
  'settle',
  'takeShard',
  'releaseShard',
  'fetchShards',
  'settleShard',
  'trimChannel',
  'openReplies',
  'takeReplies',
  'lastLetter',
  'decide',
]
const ALLOW_OOM = '#!lua flags=allow-oom\n'

interface Script {
  readonly source: string
  /** By which the server knows it. */
  readonly sha: string
}

export const SCRIPTS: Readonly<Record<ScriptName, Script>> = Object.fromEntries(
  Object.entries(SOURCES).map(([name, text]) => {
    const source = (DRAINING as readonly string[]).includes(name) ? ALLOW_OOM + text : text
    return [name, { source, sha: createHash('sha1').update(source).digest('hex') }]
  }),
) as Record<ScriptName, Script> // the same names
