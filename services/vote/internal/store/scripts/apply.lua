-- Makes one change of one shard of the live view: all of it or nothing.
--
-- KEYS[1]  the shard, a hash: m is its mark and totals, other fields are as named
-- ARGV[1]  {generation, from, to, replay, ttl ms, width, deltas}, where deltas are
--          pairs of a total's place and what to add to it
-- ARGV[2]  pairs of a field's place and what it must hold; others must not exist
-- ARGV[3…] the fields in chunks of three: all names, names and values to write,
--          names to take out
-- Each is a MessagePack stream, as that puts names and values on Lua's stack
-- without a loop here. A chunk is below what the stack takes (about 8,000).
--
-- Answers {outcome, generation, last, what is stored of each field …}; outcomes
-- are those of casting.Outcome.
local APPLIED, CONFLICT, MOVED, BEHIND = 0, 1, 2, 3
local key = KEYS[1]
local generation, from, to, replay, ttl, width, deltas = cmsgpack.unpack(ARGV[1])

-- What is there. m = {generation, last, totals …}
local held = redis.call('HMGET', key, 'm', cmsgpack.unpack(ARGV[3]))
local m, last = nil, -1
if held[1] then
  m = cmsgpack.unpack(held[1])
  last = m[2]
end
local function answer(outcome, ...)
  if m then
    return {outcome, m[1], m[2], ...}
  end
  return {outcome, 0, 0, ...}
end

-- The order matters, see verdict in verdict.go.
if last < from then
  return answer(BEHIND)
elseif m and replay == 0 and (m[1] ~= generation or last > from) then
  return answer(MOVED)
end

-- Is it what the change was decided upon? Most fields are of voters seen for
-- the first time: nothing is expected of them.
local expected = {}
if ARGV[2] ~= '' then
  local pairs_ = cmsgpack.unpack(ARGV[2])
  for i = 1, #pairs_, 2 do
    expected[pairs_[i]] = pairs_[i + 1]
  end
end
local conflict, place = false, 0
local all = {held}
for chunk = 3, #ARGV, 3 do
  local skip = 0
  if chunk == 3 then
    skip = 1
  else
    held = redis.call('HMGET', key, cmsgpack.unpack(ARGV[chunk]))
    all[#all + 1] = held
  end
  for i = skip + 1, #held do
    place = place + 1
    if held[i] ~= (expected[place] or false) then
      conflict = true
    end
  end
end
if conflict then
  local stored = answer(CONFLICT)
  for c = 1, #all do
    for i = (c == 1) and 2 or 1, #all[c] do
      stored[#stored + 1] = all[c][i]
    end
  end
  return stored
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
redis.call('HSET', key, 'm', cmsgpack.pack(m), cmsgpack.unpack(ARGV[4]))
for chunk = 3, #ARGV, 3 do
  if chunk > 3 and ARGV[chunk + 1] ~= '' then
    redis.call('HSET', key, cmsgpack.unpack(ARGV[chunk + 1]))
  end
  if ARGV[chunk + 2] ~= '' then
    redis.call('HDEL', key, cmsgpack.unpack(ARGV[chunk + 2]))
  end
end
redis.call('PEXPIRE', key, ttl)
return answer(APPLIED)
