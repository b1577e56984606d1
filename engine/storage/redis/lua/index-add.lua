-- Notes an entry's path where lists look for it, and forgets a few whose time
-- has passed: so an index never grows by more than what is written.
--
-- A stamp is when the entry's time has passed, ms, with a random fraction; below
-- 0, and random, for one that stays: whoever removes the path names the stamp,
-- so that a path that was noted anew stays.
--
-- Answers 1, or 0 when the path kept its stamp.
-- KEYS  index (paths by their letters), ends (paths by their stamps)
-- ARGV  now, path, stamp, keep (1: one that is there and not over keeps its stamp)
local now = tonumber(ARGV[1])
local path = ARGV[2]
local known = ARGV[4] == '1' and redis.call('ZSCORE', KEYS[2], path)
local kept = known and (tonumber(known) < 0 or tonumber(known) > now)
if not kept then
  redis.call('ZADD', KEYS[1], 0, path)
  redis.call('ZADD', KEYS[2], ARGV[3], path)
end
local over = redis.call('ZRANGEBYSCORE', KEYS[2], 0, now - 60000, 'LIMIT', 0, 3)
if #over > 0 then
  redis.call('ZREM', KEYS[1], unpack(over))
  redis.call('ZREM', KEYS[2], unpack(over))
end
-- An index whose every path has an end goes with the last of them.
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if not first[2] then return 1 end
if tonumber(first[2]) < 0 then
  redis.call('PERSIST', KEYS[1])
  redis.call('PERSIST', KEYS[2])
else
  local lifeMs = math.max(math.ceil(tonumber(last[2]) - now), 0) + 120000
  redis.call('PEXPIRE', KEYS[1], lifeMs)
  redis.call('PEXPIRE', KEYS[2], lifeMs)
end
return kept and 0 or 1
