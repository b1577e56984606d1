-- Removes an item. Answers 1, or 0 when there was none.
-- KEYS  shard
-- ARGV  now, id
local item = read(ARGV[2], tonumber(ARGV[1]))
if not item then return 0 end
remove(ARGV[2], item)
return 1
