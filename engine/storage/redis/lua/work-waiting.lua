-- How many wait in a lane, due or not.
-- KEYS  shard
-- ARGV  lane
local count = 0
for _, priority in ipairs(redis.call('ZRANGE', base .. ':p:' .. ARGV[1], 0, -1)) do
  count = count + redis.call('ZCARD', base .. ':d:' .. ARGV[1] .. ':' .. priority)
end
return count
