-- Makes one change of one shard of the live view: all of it or nothing.
--
-- KEYS[1]  the shard, a hash: m is its mark and totals, other fields are as named
-- ARGV     MessagePack streams:
--   [1]  generation, from, to, replay (0 or 1), ttl ms, width,
--        deltas: pairs of a total's place and what to add to it,
--        expected: pairs of a field's place and what it must hold; the others
--          must not exist,
--        deleted: places of the fields to take out
--   [2]  the fields: an array of name, value, name, value …
--
-- Answers {outcome, generation, last, what is stored of each field …}; outcomes
-- are those of casting.Outcome.
--
-- Most of the time goes into strings, as Lua hashes every byte of each: nothing
-- is sent twice, and one argument is cheaper than one for each field.
local APPLIED, CONFLICT, MOVED, BEHIND = 0, 1, 2, 3
-- How many fields one command takes: names and values stay below the 8,000
-- values that Lua's stack takes.
local CHUNK = 1000
local key = KEYS[1]
local generation, from, to, replay, ttl, width, deltas, expected, deleted = cmsgpack.unpack(ARGV[1])
local fields = cmsgpack.unpack(ARGV[2])

-- What is there: m and the fields. m = {generation, last, totals …}
local names, count = {'m'}, #fields / 2 + 1
for i = 2, count do
  names[i] = fields[2 * i - 3]
end
local held = redis.call('HMGET', key, unpack(names, 1, math.min(count, CHUNK)))
for i = CHUNK + 1, count, CHUNK do
  local more = redis.call('HMGET', key, unpack(names, i, math.min(count, i + CHUNK - 1)))
  for k = 1, #more do
    held[i + k - 1] = more[k]
  end
end
local m, last = nil, -1
if held[1] then
  m = cmsgpack.unpack(held[1])
  last = m[2]
end
local function answer(outcome)
  return {outcome, m and m[1] or 0, m and m[2] or 0}
end

-- The order matters, see verdict in verdict.go.
if last < from then
  return answer(BEHIND)
elseif m and replay == 0 and (m[1] ~= generation or last > from) then
  return answer(MOVED)
end

-- Is it what the change was decided upon? Most fields are of voters seen for
-- the first time: nothing is expected of them.
local want = {}
for i = 1, #expected, 2 do
  want[expected[i] + 1] = expected[i + 1]
end
for i = 2, count do
  if held[i] ~= (want[i] or false) then
    local stored = answer(CONFLICT)
    for k = 2, count do
      stored[k + 2] = held[k]
    end
    return stored
  end
end

-- It is: write it.
if not m then
  m = {generation, -1}
  -- A hash is kept as a list, and searched from its beginning, until it has 512
  -- fields or a value above 64 bytes: with this one it never is.
  redis.call('HSET', key, 'm', string.rep(' ', 65))
end
if replay == 0 then
  m[2] = to
end
for i = #m + 1, width + 2 do
  m[i] = 0
end
for i = 1, #deltas, 2 do
  local total = deltas[i] + 2
  m[total] = m[total] + deltas[i + 1]
end
redis.call('HSET', key, 'm', cmsgpack.pack(m), unpack(fields, 1, math.min(#fields, 2 * CHUNK)))
for i = 2 * CHUNK + 1, #fields, 2 * CHUNK do
  redis.call('HSET', key, unpack(fields, i, math.min(#fields, i + 2 * CHUNK - 1)))
end
for i = 1, #deleted do
  redis.call('HDEL', key, names[deleted[i] + 1])
end
redis.call('PEXPIRE', key, ttl)
return answer(APPLIED)
