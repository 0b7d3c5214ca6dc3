import { CLOCK, GROUPS, IDS, TRIM } from './prelude.ts'

/**
 * Trims a channel's streams. ARGV: shards, milliseconds of history, milliseconds after which it is forgotten whoever may want it
 * (0: never), most entries of a shard. Answers for each shard that is more than half full: stream, entries, the group that holds
 * back most, and its members.
 */
export const TRIM_CHANNEL: string = `${CLOCK}${IDS}${GROUPS}${TRIM}
local time, hard, full = now(), tonumber(ARGV[3]), {}
for shard = 0, ARGV[1] - 1 do
  local stream = base .. ':' .. shard
  local slowest = trim(stream, shard, time - ARGV[2], hard > 0 and time - hard or 0)
  local length = redis.call('XLEN', stream)
  if length * 2 > tonumber(ARGV[4]) and slowest ~= '' then
    full[#full + 1] = { stream, length, slowest, redis.call('ZCOUNT', base .. ':' .. slowest .. ':members', time, '+inf') }
  end
end
return full
`

/**
 * What there is of a group. ARGV: group, shards, foreign stream, '1' where the channel is its group's alone. Answers messages not
 * handed out, handed out and not settled, members, dead letters.
 */
export const INSPECT: string = `${CLOCK}${GROUPS}
local group, shards, foreign = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local ready, held = 0, 0
local function count(stream, alone)
  for _, info in ipairs(groupsOf(stream)) do
    if info.name == group then
      held = held + info.pending
      if alone then
        ready = ready + redis.call('XLEN', stream) - info.pending
      elseif type(info.lag) == 'number' then
        ready = ready + info.lag
      else
        -- The server has lost count. So far, and a little at a time, because entries come with their bodies.
        local from = info['last-delivered-id']
        for _ = 1, 1000 do
          local some = redis.call('XRANGE', stream, '(' .. from, '+', 'COUNT', 100)
          ready = ready + #some
          if #some < 100 then break end
          from = some[100][1]
        end
      end
    end
  end
end
for shard = 0, shards - 1 do
  count(foreign ~= '' and foreign or base .. ':' .. shard, ARGV[4] == '1')
  for _, what in ipairs({ ':lane:', ':again:' }) do
    held = held + redis.call('XLEN', base .. ':' .. group .. what .. shard)
  end
end
count(base .. ':' .. group .. ':retry', true)
local members = redis.call('ZCOUNT', base .. ':' .. group .. ':members', now(), '+inf')
return { ready, held, members, redis.call('XLEN', base .. ':' .. group .. ':dead') }
`

/** Takes up to `room` replies from this process's own stream, and renews it. ARGV: room, milliseconds until it is forgotten. */
export const TAKE_REPLIES: string = `
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'GONE' } end
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(entries) do redis.call('XDEL', KEYS[1], entry[1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 'OK', entries }
`

/** Makes that stream. ARGV: milliseconds until it is forgotten. */
export const OPEN_REPLIES: string = `
redis.pcall('XGROUP', 'CREATE', KEYS[1], 'here', '$', 'MKSTREAM')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return { 'OK' }
`
