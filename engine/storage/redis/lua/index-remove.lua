-- Takes a path out of an index, unless it was noted anew.
-- KEYS  index, ends
-- ARGV  path, stamp
local known = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not known or tonumber(known) ~= tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
