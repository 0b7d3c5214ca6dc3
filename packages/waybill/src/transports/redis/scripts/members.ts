import { CLOCK, GROUPS, IDS, MOVE_DUE, NUDGE } from './prelude.ts'

// base:<group>:members is a sorted set: each member, and until when it counts by the server's clock.

/** ARGV: group, member, lease in milliseconds. Answers the members. */
export const JOIN: string = `${CLOCK}${NUDGE}
local members = base .. ':' .. ARGV[1] .. ':members'
redis.call('ZREMRANGEBYSCORE', members, '-inf', now())
redis.call('ZADD', members, now() + ARGV[3], ARGV[2])
nudge()
return redis.call('ZRANGE', members, 0, -1)
`

/** ARGV: group, member. */
export const LEAVE: string = `${CLOCK}${NUDGE}
redis.call('ZREM', base .. ':' .. ARGV[1] .. ':members', ARGV[2])
nudge()
return { 'OK' }
`

/**
 * A sign of life. Takes those from the list who gave none, and notes how far the group is, for the case that somebody destroys
 * it. ARGV: group, member, lease, shards, foreign stream. Answers `OK <in what time the next is due> <members...>`, or `GONE <why>`.
 */
export const HEARTBEAT: string = `${CLOCK}${NUDGE}${MOVE_DUE}${IDS}${GROUPS}
local group, members = ARGV[1], base .. ':' .. ARGV[1] .. ':members'
if not redis.call('ZSCORE', members, ARGV[2]) then return { 'GONE', 'the member is not in the list of members' } end
for shard = 0, ARGV[4] - 1 do
  local stream = ARGV[5] ~= '' and ARGV[5] or base .. ':' .. shard
  local found = false
  for _, info in ipairs(groupsOf(stream)) do
    if info.name == group then
      found = true
      redis.call('HSET', base, 'settled:' .. group .. ':' .. shard, idBefore(firstUnsettled(stream, info)))
    end
  end
  if not found then
    redis.call('ZREM', members, ARGV[2])
    return { 'GONE', 'the group does not exist on ' .. stream }
  end
end
redis.call('ZADD', members, now() + ARGV[3], ARGV[2])
if redis.call('ZREMRANGEBYSCORE', members, '-inf', now()) > 0 then nudge() end
return { 'OK', moveDue(), unpack(redis.call('ZRANGE', members, 0, -1)) }
`
