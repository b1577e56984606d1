-- Changes an item and frees its claim. Answers 1, or 0 when it has another version than expected.
-- KEYS  shard
-- ARGV  now, id, version, expected ('' any), lifeMs ('keep', '' for ever), body ('' as it is), then name and value of each field that changes
local now = tonumber(ARGV[1])
local id = ARGV[2]
local item = read(id, now)
-- Past its time it can still be settled, by whoever has it: until it is swept nobody else gets its id.
if not item or (ARGV[4] ~= '' and tonumber(ARGV[4]) ~= tonumber(item.version)) then return 0 end
takeOut(id, item)
item.owner = ''
item.version = digits(math.max(tonumber(item.version) + 1, tonumber(ARGV[3])))
item.updatedAt = ARGV[1]
if ARGV[6] ~= '' then item.body = ARGV[6] end
for argument = 7, #ARGV, 2 do item[ARGV[argument]] = ARGV[argument + 1] end
write(id, item, ARGV[5])
putIn(id, item)
if ARGV[5] == '' then
  redis.call('ZREM', base .. ':e', id)
elseif ARGV[5] ~= 'keep' then
  redis.call('ZADD', base .. ':e', item.expiresAt, id)
end
sweep(now)
setLifetimes(now)
return 1
