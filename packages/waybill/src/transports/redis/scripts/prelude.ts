// What several scripts have in common. KEYS[1] is the channel's base key; all other keys begin with it, and so lie in the same
// slot of a cluster. Replies are arrays whose first element says what happened.

/** `now()`: the server's clock, in milliseconds. */
export const CLOCK: string = `
local base = KEYS[1]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`

/** `nudge()` wakes whoever listens to the channel's bell. */
export const NUDGE: string = `
local function nudge()
  redis.call('XADD', base .. ':bell', 'MAXLEN', 1, '*', 'n', '')
end
`

/** `moveDue()` puts what is due where it belongs, and answers in how many milliseconds the next is; '' when none waits. */
export const MOVE_DUE: string = `
local function moveDue()
  local later = base .. ':later'
  local due = redis.call('ZRANGE', later, '-inf', now(), 'BYSCORE', 'LIMIT', 0, 128)
  for _, packed in ipairs(due) do
    local entry = cmsgpack.unpack(packed)
    redis.call('XADD', entry[2], '*', unpack(entry, 3))
    redis.call('ZREM', later, packed)
  end
  local next = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')[2]
  return next and string.format('%.0f', math.max(0, next - now())) or ''
end
local function putLater(stream, afterMs, ce, data)
  local packed = cmsgpack.pack({ redis.call('HINCRBY', base, 'seq', 1), stream, 'ce', ce, 'data', data })
  redis.call('ZADD', base .. ':later', now() + afterMs, packed)
  nudge()
end
`

/** Ids of entries: `<milliseconds>-<sequence>`. */
export const IDS: string = `
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function isBefore(a, b)
  local ams, aseq = parts(a)
  local bms, bseq = parts(b)
  return ams < bms or (ams == bms and aseq < bseq)
end
local function idBefore(id)
  local ms, seq = parts(id)
  if seq > 0 then return string.format('%.0f-%.0f', ms, seq - 1) end
  if ms == 0 then return '0-0' end
  return string.format('%.0f-18446744073709551615', ms - 1)
end
local function idAfter(id)
  local ms, seq = parts(id)
  return string.format('%.0f-%.0f', ms, seq + 1)
end
`

/** `readNew(stream, group, consumer, room, budget)`: entries that the group has not handed out, whether that was all, bytes left. */
export const READ_NEW: string = `
local STEP, MOST_BYTES = 64, 4194304
local function readNew(stream, group, consumer, room, budget)
  local entries = {}
  while room > #entries and budget > 0 do
    local count = math.min(STEP, room - #entries)
    local read = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '>')
    if read and read.err then return nil, read end
    local found = read and read[1][2] or {}
    for _, entry in ipairs(found) do
      entries[#entries + 1] = entry
      for _, text in ipairs(entry[2]) do budget = budget - #text end
    end
    if #found < count then return entries, true, budget end
  end
  return entries, false, budget
end
local function isGone(failure)
  return string.find(failure.err, 'NOGROUP', 1, true)
end
`

/** `groupsOf(stream)`: name, pending and last-delivered-id of each group; none of a stream that is not there. */
export const GROUPS: string = `
local function groupsOf(stream)
  local found = redis.pcall('XINFO', 'GROUPS', stream)
  if found.err then return {} end
  local groups = {}
  for _, info in ipairs(found) do
    local group = {}
    for n = 1, #info, 2 do group[info[n]] = info[n + 1] end
    groups[#groups + 1] = group
  end
  return groups
end
local function handedTo(stream, group)
  for _, info in ipairs(groupsOf(stream)) do
    if info.name == group then return info['last-delivered-id'] end
  end
  return '0-0'
end
-- The first id that the group has not settled for good.
local function firstUnsettled(stream, group)
  if group.pending > 0 then return redis.call('XPENDING', stream, group.name)[2] end
  return idAfter(group['last-delivered-id'])
end
`

/**
 * `trim(stream, shard, cutoff, limit)` forgets what every group has settled and is older than `cutoff`, and what is older than
 * `limit` whoever may want it; answers the group that holds back most. The last id that has gone is remembered.
 */
export const TRIM: string = `
local function trim(stream, shard, cutoff, limit)
  local keep, slowest = string.format('%.0f-0', cutoff), ''
  for _, group in ipairs(groupsOf(stream)) do
    local first = firstUnsettled(stream, group)
    if isBefore(first, keep) then keep, slowest = first, group.name end
  end
  local hard = string.format('%.0f-0', limit)
  if isBefore(keep, hard) then keep = hard end
  local last = redis.call('XREVRANGE', stream, '(' .. keep, '-', 'COUNT', 1)[1]
  if last then
    redis.call('HSET', base, 'trimmed:' .. shard, last[1])
    redis.call('XTRIM', stream, 'MINID', keep)
  end
  return slowest
end
`
