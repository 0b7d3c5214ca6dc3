import { CLOCK, GROUPS, IDS, MOVE_DUE, NUDGE, READ_NEW } from './prelude.ts'

// An ordered group's shards. base:<group>:owners is a hash: `token:<shard>` is the fencing token of the owner of now, the
// largest there ever was; `owner:<shard>` is its member. Every script that reads or writes for an owner checks the token
// first: so nothing that a former owner says counts, whenever it arrives. All owners are one consumer of the group, `owner`.
//
// base:<group>:lane:<shard> is a stream of what blocks its key: an entry is there until it is settled. So is
// base:<group>:again:<shard>, of what comes back from the dead letters; its first field, `after`, says where the shard's stream
// ended then.

const OWNERS = `
local group = ARGV[1]
local owners = base .. ':' .. group .. ':owners'
local function laneOf(shard)
  return base .. ':' .. group .. ':lane:' .. shard
end
`

/**
 * Takes a shard that nobody has who lives. ARGV: group, shard, member.
 *
 * Answers `OK <token> <entries of the shard that are unsettled: id, fields, count> <entries of the lane>`, or `HELD <by whom>`.
 */
export const TAKE_SHARD: string = `${CLOCK}${OWNERS}
local shard, member, members = ARGV[2], ARGV[3], base .. ':' .. group .. ':members'
local stream = base .. ':' .. shard
if not redis.call('ZSCORE', members, member) then return { 'GONE', 'the member is not in the list of members' } end
local owner = redis.call('HGET', owners, 'owner:' .. shard)
if owner and owner ~= member then
  local score = redis.call('ZSCORE', members, owner)
  if score and tonumber(score) >= now() then return { 'HELD', owner } end
end
-- At least the time of day, in microseconds, which no script takes fewer of: above what was used before, also where a server
-- that lost its last second comes back.
local time = redis.call('TIME')
local token = math.max((tonumber(redis.call('HGET', owners, 'token:' .. shard)) or 0) + 1, time[1] * 1000000 + time[2])
local pending = redis.pcall('XPENDING', stream, group, '-', '+', 100000)
if pending.err then return { 'GONE', pending.err } end
redis.call('HSET', owners, 'token:' .. shard, string.format('%.0f', token), 'owner:' .. shard, member)
local entries = {}
for _, each in ipairs(pending) do
  local claimed = redis.call('XCLAIM', stream, group, 'owner', 0, each[1])[1]
  if claimed and claimed[2] then
    entries[#entries + 1] = { each[1], claimed[2], each[4] + 1 }
  else
    redis.call('XACK', stream, group, each[1])
  end
end
return { 'OK', string.format('%.0f', token), entries, redis.call('XRANGE', laneOf(shard), '-', '+') }
`

/** Lets go of a shard. ARGV: group, shard, token. */
export const RELEASE_SHARD: string = `${CLOCK}${NUDGE}${OWNERS}
if redis.call('HGET', owners, 'token:' .. ARGV[2]) ~= ARGV[3] then return { 'FENCED' } end
redis.call('HDEL', owners, 'owner:' .. ARGV[2])
nudge()
return { 'OK' }
`

/**
 * `readAgain(shard, from, room, budget)`: up to `room` of what came back from the dead letters behind the id `from`, as far as
 * the shard's stream has been read up to where it ended then; whether that was all for now, bytes left.
 */
const READ_AGAIN = `
local function readAgain(shard, from, room, budget)
  local entries, stream = {}, base .. ':' .. shard
  while room > #entries and budget > 0 do
    local count = math.min(STEP, room - #entries)
    local found = redis.call('XRANGE', base .. ':' .. group .. ':again:' .. shard, '(' .. from, '+', 'COUNT', count)
    local handed = #found > 0 and handedTo(stream, group)
    local isRead = #found > 0 and #redis.call('XRANGE', stream, '(' .. handed, '+', 'COUNT', 1) == 0
    for _, entry in ipairs(found) do
      if not isRead and isBefore(handed, entry[2][2]) then return entries, true, budget end
      entries[#entries + 1] = entry
      from = entry[1]
      for _, text in ipairs(entry[2]) do budget = budget - #text end
    end
    if #found < count then return entries, true, budget end
  end
  return entries, false, budget
end
`

/**
 * Hands out of several shards. ARGV: group, then for each: shard, token, room, up to where it has what came back.
 *
 * Answers `OK <in what time the next is due>`, then for each shard entries (id, fields), up to where they go, '' if there may
 * be more, and entries that came back; 'FENCED' in place of the entries of one that is another's.
 */
export const FETCH_SHARDS: string = `${CLOCK}${NUDGE}${MOVE_DUE}${IDS}${GROUPS}${READ_NEW}${OWNERS}${READ_AGAIN}
local answer, budget = { 'OK', moveDue() }, MOST_BYTES
for n = 2, #ARGV, 4 do
  local shard, stream, room = ARGV[n], base .. ':' .. ARGV[n], tonumber(ARGV[n + 2])
  local entries, isAll, back, isAllBack = 'FENCED', true, {}, true
  if redis.call('HGET', owners, 'token:' .. shard) == ARGV[n + 1] then
    entries, isAll, budget = readNew(stream, group, 'owner', room, budget)
    if not entries then return isGone(isAll) and { 'GONE', isAll.err } or isAll end
    back, isAllBack, budget = readAgain(shard, ARGV[n + 3], room - #entries, budget)
  end
  answer[#answer + 1] = entries
  answer[#answer + 1] = isAll and isAllBack and handedTo(stream, group) or ''
  answer[#answer + 1] = back
end
return answer
`

/**
 * Settles a batch of one shard's owner, all of it or nothing. ARGV: group, shard, token, '1' where the channel is its group's
 * alone, then for each:
 *
 *   m  id                          done with, in the shard's stream
 *   l  id                          done with, in the lane
 *   g  id                          done with, of what came back from the dead letters
 *   c  sequence, due, ce, data     into the lane
 *   d  ce, data                    to the dead letters
 *   t  type                        has the group been asked for it by anybody?
 *
 * Answers `OK` and, for each c and t in turn, the id in the lane, or 1 or 0; `FENCED` to who is not the owner (any more).
 */
export const SETTLE_SHARD: string = `${CLOCK}${OWNERS}
local shard, alone, stream, lane = ARGV[2], ARGV[4] == '1', base .. ':' .. ARGV[2], laneOf(ARGV[2])
if redis.call('HGET', owners, 'token:' .. shard) ~= ARGV[3] then return { 'FENCED' } end
local answers, n = { 'OK' }, 5
while n <= #ARGV do
  local what = ARGV[n]
  if what == 'm' then
    redis.call('XACK', stream, group, ARGV[n + 1])
    if alone then redis.call('XDEL', stream, ARGV[n + 1]) end
    n = n + 2
  elseif what == 'l' then
    redis.call('XDEL', lane, ARGV[n + 1])
    n = n + 2
  elseif what == 'g' then
    redis.call('XDEL', base .. ':' .. group .. ':again:' .. shard, ARGV[n + 1])
    n = n + 2
  elseif what == 'c' then
    local fields = { 'seq', ARGV[n + 1], 'due', ARGV[n + 2], 'ce', ARGV[n + 3], 'data', ARGV[n + 4] }
    answers[#answers + 1] = redis.call('XADD', lane, '*', unpack(fields))
    n = n + 5
  elseif what == 'd' then
    redis.call('XADD', base .. ':' .. group .. ':dead', '*', 'ce', ARGV[n + 1], 'data', ARGV[n + 2])
    n = n + 3
  else
    local types, wanted = redis.call('HGET', base, 'types:' .. group), 0
    if not types or types == '*' then
      wanted = 1
    else
      for _, each in ipairs(cjson.decode(types)) do
        if each == ARGV[n + 1] then wanted = 1 end
      end
    end
    answers[#answers + 1] = wanted
    n = n + 2
  end
end
return answers
`
