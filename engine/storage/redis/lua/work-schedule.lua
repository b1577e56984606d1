-- Stores an item. Answers 1, or 0 when there is one with that id.
-- KEYS  shard
-- ARGV  now, id, lifeMs, body, and the fields of an item in their order
local now = tonumber(ARGV[1])
local id = ARGV[2]
local old = read(id, now)
if old and not old.isOver then return 0 end
if old then remove(id, old) end
local item = { body = ARGV[4] }
for index, name in ipairs(names) do item[name] = ARGV[4 + index] end
write(id, item, ARGV[3])
putIn(id, item)
redis.call('ZADD', base .. ':l', item.seq, id)
if item.expiresAt ~= '' then redis.call('ZADD', base .. ':e', item.expiresAt, id) end
sweep(now)
setLifetimes(now)
return 1
