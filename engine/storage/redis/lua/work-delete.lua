-- Removes an item. Answers 1, or 0 when there was none.
-- KEYS  shard
-- ARGV  now, id
local now = tonumber(ARGV[1])
local item = read(ARGV[2], now)
if not item then return 0 end
remove(ARGV[2], item)
setLifetimes(now)
return 1
