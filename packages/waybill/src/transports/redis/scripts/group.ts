import { CLOCK, GROUPS, MOVE_DUE, NUDGE, READ_NEW } from './prelude.ts'

/**
 * ARGV[1..]: group, shards, foreign stream. `streams`: what the group reads: 0 is its retries, n is shard n - 1. */
const STREAMS = `
local group, shards, foreign = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local streams = { [0] = base .. ':' .. group .. ':retry' }
for shard = 0, shards - 1 do streams[shard + 1] = foreign ~= '' and foreign or base .. ':' .. shard end
local members = base .. ':' .. group .. ':members'
`

/** Puts what is due where it belongs. Answers `OK <in what time the next is due>`. */
export const MOVE: string = `${CLOCK}${NUDGE}${MOVE_DUE}
return { 'OK', moveDue() }
`

/**
 * Hands out up to `room` new messages. ARGV: group, shards, foreign stream, member, room, with which stream to begin.
 *
 * Answers `OK <in what time the next is due> <entries> <up to where of each stream, if that was all>`; an entry is stream, id, fields.
 * `GONE <why>` to who is no member (any more).
 */
export const FETCH: string = `${CLOCK}${NUDGE}${MOVE_DUE}${GROUPS}${READ_NEW}${STREAMS}
local member, room, first = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
if not redis.call('ZSCORE', members, member) then return { 'GONE', 'the member is not in the list of members' } end
local due, entries, budget, ends = moveDue(), {}, MOST_BYTES, {}
for turn = 0, shards do
  local n = (first + turn) % (shards + 1)
  local found, isAll, left = readNew(streams[n], group, member, room, budget)
  if not found then return isGone(isAll) and { 'GONE', isAll.err } or isAll end
  for _, entry in ipairs(found) do entries[#entries + 1] = { n, entry[1], entry[2] } end
  room, budget = room - #found, left
  if not isAll then return { 'OK', due, entries, {} } end
end
for n = 0, shards do ends[n + 1] = handedTo(streams[n], group) end
return { 'OK', due, entries, ends }
`

/**
 * Takes what members had who are none any more. ARGV: group, shards, foreign stream, member, room.
 *
 * Answers `OK <entries> <whether there is more>`; an entry is stream, id, fields, how often it was handed out.
 */
export const RECLAIM: string = `${CLOCK}${STREAMS}
local member, room = ARGV[4], tonumber(ARGV[5])
local entries, more = {}, 0
for n = 0, shards do
  local pending = redis.pcall('XPENDING', streams[n], group)
  if pending.err then return { 'GONE', pending.err } end
  for _, of in ipairs(pending[4] or {}) do
    local score = redis.call('ZSCORE', members, of[1])
    if of[1] ~= member and (not score or tonumber(score) < now()) then
      local held = room > 0 and redis.call('XPENDING', streams[n], group, '-', '+', room, of[1]) or {}
      if #held < tonumber(of[2]) then more = 1 end
      for _, each in ipairs(held) do
        local claimed = redis.call('XCLAIM', streams[n], group, member, 0, each[1])
        if claimed[1] and claimed[1][2] then
          entries[#entries + 1] = { n, each[1], claimed[1][2], each[4] + 1 }
          room = room - 1
        else
          redis.call('XACK', streams[n], group, each[1])
        end
      end
      if #held == tonumber(of[2]) then redis.call('XGROUP', 'DELCONSUMER', streams[n], group, of[1]) end
    end
  end
end
return { 'OK', entries, more }
`

/**
 * Settles a batch. What somebody else has settled meanwhile is left as it is. ARGV: group, shards, foreign stream, '1' where the
 * channel is its group's alone, then for each: what, stream, id, and
 *
 *   a                          done with
 *   p  type                    not asked for: done with, unless the group has been asked for it by a newer member
 *   r  after ms, ce, data      again, as the next attempt
 *   d  ce, data                to the dead letters
 *
 * Answers `OK` and the ids of those that a newer member asked for.
 */
export const SETTLE: string = `${CLOCK}${NUDGE}${MOVE_DUE}${STREAMS}
local alone = ARGV[4] == '1'
local wanted = { 'OK' }
local function isWanted(type)
  local types = redis.call('HGET', base, 'types:' .. group)
  if not types or types == '*' then return true end
  for _, each in ipairs(cjson.decode(types)) do
    if each == type then return true end
  end
  return false
end
local n = 5
while n <= #ARGV do
  local what, stream, id = ARGV[n], tonumber(ARGV[n + 1]), ARGV[n + 2]
  n = n + 3
  local key = streams[stream]
  local isDone = not (what == 'p' and isWanted(ARGV[n])) and redis.call('XACK', key, group, id) == 1
  if isDone and (stream == 0 or alone) then redis.call('XDEL', key, id) end
  if what == 'p' then
    if not isDone then wanted[#wanted + 1] = id end
    n = n + 1
  elseif what == 'r' then
    local after = tonumber(ARGV[n])
    if isDone and after > 0 then
      putLater(streams[0], after, ARGV[n + 1], ARGV[n + 2])
    elseif isDone then
      redis.call('XADD', streams[0], '*', 'ce', ARGV[n + 1], 'data', ARGV[n + 2])
    end
    n = n + 3
  elseif what == 'd' then
    if isDone then redis.call('XADD', base .. ':' .. group .. ':dead', '*', 'ce', ARGV[n], 'data', ARGV[n + 1]) end
    n = n + 2
  end
end
return wanted
`
