import { CLOCK, IDS } from './prelude.ts'

/** `streams()`: the streams of the channel by shard. ARGV[2] and [3] are shards and a foreign stream's name. */
const STREAMS = `
local shards, foreign = tonumber(ARGV[2]), ARGV[3]
local function streamOf(shard)
  return foreign ~= '' and foreign or base .. ':' .. shard
end
local function isThere(stream, id, shard)
  if #redis.call('XRANGE', stream, id, id) > 0 then return true end
  return redis.call('HGET', base, 'trimmed:' .. shard) == id
end
`

/** Lays the channel down. ARGV: '', shards. Answers `OK` or `SHARDS <laid down>`. */
export const DECLARE_CHANNEL: string = `
local laid = redis.call('HGET', KEYS[1], 'shards')
if laid and laid ~= ARGV[2] then return { 'SHARDS', laid } end
if not laid then redis.call('HSET', KEYS[1], 'shards', ARGV[2]) end
return { 'OK' }
`

/**
 * Lays a group down, all of it or nothing. ARGV: group, shards, foreign stream, '1' for one recipient, order, types (JSON or
 * `*`), then for each shard where a new group begins: `$`, an id, or `=<id>` for one that must be there.
 *
 * Answers `OK`, `SHARDS <laid down>`, `OWNER <group>`, `ORDER <laid down>`, `GONE <stream> <id>`, `MISSING <stream>`.
 */
export const DECLARE_GROUP: string = `${CLOCK}${IDS}${STREAMS}
local group, types = ARGV[1], ARGV[6]
local laid, owner, order, known = unpack(redis.call('HMGET', base, 'shards', 'owner', 'order:' .. group, 'group:' .. group))
if foreign == '' and laid and laid ~= ARGV[2] then return { 'SHARDS', laid } end
if foreign == '' and ARGV[4] == '1' and owner and owner ~= group then return { 'OWNER', owner } end
if order and order ~= ARGV[5] then return { 'ORDER', order } end
if foreign ~= '' and redis.call('EXISTS', foreign) == 0 then return { 'MISSING', foreign } end
if not known then
  for shard = 0, shards - 1 do
    local id = string.match(ARGV[7 + shard], '^=(.*)$')
    if id and not isThere(streamOf(shard), id, shard) then return { 'GONE', streamOf(shard), id } end
  end
end
if foreign == '' then redis.call('HSET', base, 'shards', ARGV[2]) end
redis.call('HSET', base, 'order:' .. group, ARGV[5], 'group:' .. group, '1')
if ARGV[4] == '1' then redis.call('HSET', base, 'owner', group) end
local before = redis.call('HGET', base, 'types:' .. group)
if before and before ~= '*' and types ~= '*' then
  local all = cjson.decode(types)
  local has = {}
  for _, each in ipairs(all) do has[each] = true end
  for _, each in ipairs(cjson.decode(before)) do
    if not has[each] then all[#all + 1] = each end
  end
  types = cjson.encode(all)
end
if before ~= '*' then redis.call('HSET', base, 'types:' .. group, types) end
for shard = 0, shards - 1 do
  -- One that was there and has been destroyed goes on where it was last known to be.
  local start = known and (redis.call('HGET', base, 'settled:' .. group .. ':' .. shard) or '0-0') or ARGV[7 + shard]
  local made = redis.pcall('XGROUP', 'CREATE', streamOf(shard), group, string.match(start, '^=(.*)$') or start, 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
end
if ARGV[5] ~= 'ordered' then
  local made = redis.pcall('XGROUP', 'CREATE', base .. ':' .. group .. ':retry', group, '0-0', 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
end
return { 'OK' }
`

/**
 * Where readers without a group begin. ARGV: '', shards, foreign stream, then a start for each shard, as above; '' for one that
 * is not read. Answers `OK` and the id behind which each is read, `GONE`, `MISSING`.
 */
export const READ_FROM: string = `${CLOCK}${STREAMS}
if foreign ~= '' and redis.call('EXISTS', foreign) == 0 then return { 'MISSING', foreign } end
local from = { 'OK' }
for shard = 0, shards - 1 do
  local start = ARGV[4 + shard]
  local id = string.match(start, '^=(.*)$')
  if id and not isThere(streamOf(shard), id, shard) then return { 'GONE', streamOf(shard), id } end
  if start == '$' then
    local info = redis.pcall('XINFO', 'STREAM', streamOf(shard))
    start = '0-0'
    if not info.err then
      for n = 1, #info, 2 do
        if info[n] == 'last-generated-id' then start = info[n + 1] end
      end
    end
  end
  from[#from + 1] = id or start
end
return from
`
