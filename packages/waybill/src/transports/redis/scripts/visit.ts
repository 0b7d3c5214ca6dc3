/** Whether the group is known, and the last of its dead letters. ARGV: group. Answers `OK <id>`, or `MISSING`. */
export const LAST_LETTER: string = `
local base, group = KEYS[1], ARGV[1]
if not redis.call('HGET', base, 'group:' .. group) then return { 'MISSING' } end
local last = redis.call('XREVRANGE', base .. ':' .. group .. ':dead', '+', '-', 'COUNT', 1)[1]
return { 'OK', last and last[1] or '0-0' }
`

/**
 * What becomes of some dead letters. Of one that somebody else has decided on meanwhile, nothing. ARGV: group, then for each:
 *
 *   x  id                     gone
 *   p  id, ce, data           this is in its place, behind all others
 *   r  id, shard, ce, data    to the group again: its retries, or behind what the shard's stream holds now
 *
 * Answers `OK`.
 */
export const DECIDE: string = `
local base, group, n = KEYS[1], ARGV[1], 2
local dead = base .. ':' .. group .. ':dead'
local isOrdered = redis.call('HGET', base, 'order:' .. group) == 'ordered'
local ends = {}
local function endOf(shard)
  if not ends[shard] then
    ends[shard] = '0-0'
    local info = redis.pcall('XINFO', 'STREAM', base .. ':' .. shard)
    for field = 1, #info, 2 do
      if info[field] == 'last-generated-id' then ends[shard] = info[field + 1] end
    end
  end
  return ends[shard]
end
while n <= #ARGV do
  local what, isThere = ARGV[n], redis.call('XDEL', dead, ARGV[n + 1]) == 1
  if what == 'x' then
    n = n + 2
  elseif what == 'p' then
    if isThere then redis.call('XADD', dead, '*', 'ce', ARGV[n + 2], 'data', ARGV[n + 3]) end
    n = n + 4
  else
    local shard, ce, data = ARGV[n + 2], ARGV[n + 3], ARGV[n + 4]
    if isThere and isOrdered then
      redis.call('XADD', base .. ':' .. group .. ':again:' .. shard, '*', 'after', endOf(shard), 'ce', ce, 'data', data)
    elseif isThere then
      redis.call('XADD', base .. ':' .. group .. ':retry', '*', 'ce', ce, 'data', data)
    end
    n = n + 5
  end
end
return { 'OK' }
`
