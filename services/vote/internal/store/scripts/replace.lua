-- Puts a rebuilt shard in place of what is there, unless that is further along.
--
-- KEYS[1]  the shard   KEYS[2]  the build, of the same slot
-- ARGV[1]  last offset of the build   ARGV[2]  ttl ms
-- ARGV[3]  how many fields the build was written with: it expires, and one that
--          expired half-way has only the later ones
--
-- Answers 1: in place; 0: dropped; -1: the build is not whole.
if redis.call('HLEN', KEYS[2]) ~= tonumber(ARGV[3]) then
  redis.call('UNLINK', KEYS[2])
  return -1
end
local held = redis.call('HGET', KEYS[1], 'm')
if held and cmsgpack.unpack(held)[2] > tonumber(ARGV[1]) then
  redis.call('UNLINK', KEYS[2])
  return 0
end
-- RENAME over a key frees the old hash at once, with everybody waiting.
redis.call('UNLINK', KEYS[1])
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
