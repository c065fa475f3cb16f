-- Remembers that an event is applied and answers whether it was not before.
-- key is Inbox.Key of the record, one of KEYS; ttl is Inbox.TTL in milliseconds,
-- 0 for ever.
--
-- Redis undoes nothing of a script that fails half-way: check and decode all
-- arguments first, then ask, then change.
local function inbox_new(key, ttl)
  if tonumber(ttl) == 0 then
    return redis.call('SET', key, '', 'NX') ~= false
  end
  return redis.call('SET', key, '', 'NX', 'PX', ttl) ~= false
end

