-- What waits in a lane: { priority, how many are due, when the first is due, … } by priority.
-- KEYS  shard
-- ARGV  now, lane
local found = {}
for _, priority in ipairs(redis.call('ZRANGE', base .. ':p:' .. ARGV[2], 0, -1)) do
  local key = base .. ':d:' .. ARGV[2] .. ':' .. priority
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] then
    found[#found + 1] = priority
    found[#found + 1] = redis.call('ZCOUNT', key, '-inf', '(' .. digits(tonumber(ARGV[1]) + 1))
    found[#found + 1] = first[2]
  end
end
return found
