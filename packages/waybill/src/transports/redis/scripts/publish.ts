import { CLOCK, GROUPS, IDS, MOVE_DUE, NUDGE, TRIM } from './prelude.ts'

/**
 * Stores a batch for one channel, all of it or nothing.
 *
 * ARGV: mode (`event`, `one`, `query`, `foreign`), shards, most entries of a shard, milliseconds of history, `1` where those
 * were asked for, name of a foreign stream, then for each message: shard, delay in milliseconds, ce, data.
 *
 * Answers `OK`, `UNROUTABLE`, `SHARDS <laid down>`, or `FULL <stream> <group that holds back most>`.
 */
export const PUBLISH: string = `${CLOCK}${NUDGE}${MOVE_DUE}${IDS}${GROUPS}${TRIM}
local mode, shards, most, history, foreign = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[6]
if mode == 'foreign' then
  if redis.call('EXISTS', foreign) == 0 then return { 'UNROUTABLE' } end
else
  local laid, owner = unpack(redis.call('HMGET', base, 'shards', 'owner'))
  if laid and laid ~= shards then return { 'SHARDS', laid } end
  if mode == 'query' and (not owner or redis.call('ZCOUNT', base .. ':' .. owner .. ':members', now(), '+inf') == 0) then
    return { 'UNROUTABLE' }
  end
  if not laid then
    if mode ~= 'event' then return { 'UNROUTABLE' } end
    redis.call('HSET', base, 'shards', shards)
  end
end
local function streamOf(shard)
  return mode == 'foreign' and foreign or base .. ':' .. shard
end
-- Later than any id, also where the clock went back.
local FAR = 9000000000000000
local counts, delayed = {}, 0
for n = 7, #ARGV, 4 do
  if ARGV[n + 1] ~= '0' then delayed = delayed + 1 end
end
if delayed > 0 and redis.call('ZCARD', base .. ':later') + delayed > most then return { 'FULL', base .. ':later', '' } end
for n = 7, #ARGV, 4 do counts[ARGV[n]] = (counts[ARGV[n]] or 0) + 1 end
if mode ~= 'foreign' then
  for shard, count in pairs(counts) do
    local stream = streamOf(shard)
    if redis.call('XLEN', stream) + count > most then
      -- What has one recipient is deleted when that has settled it; until there is one, all of it waits.
      local cutoff = ARGV[5] == '1' and now() - history or FAR
      local slowest = mode == 'event' and trim(stream, shard, cutoff, 0) or ''
      if redis.call('XLEN', stream) + count > most then return { 'FULL', stream, slowest } end
    end
  end
end
for n = 7, #ARGV, 4 do
  local stream, delay = streamOf(ARGV[n]), tonumber(ARGV[n + 1])
  if delay > 0 then
    putLater(stream, delay, ARGV[n + 2], ARGV[n + 3])
  else
    redis.call('XADD', stream, '*', 'ce', ARGV[n + 2], 'data', ARGV[n + 3])
  end
end
return { 'OK' }
`

/** Replies to one process: KEYS[1] is its stream, which is there as long as the process. ARGV: most entries, then ce, data of each. */
export const ANSWER: string = `
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'UNROUTABLE' } end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return { 'FULL', KEYS[1], '' } end
for n = 2, #ARGV, 2 do redis.call('XADD', KEYS[1], '*', 'ce', ARGV[n], 'data', ARGV[n + 1]) end
return { 'OK' }
`
