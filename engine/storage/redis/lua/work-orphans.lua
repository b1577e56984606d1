-- What engines that are dead had claimed. Answers { id, item, … }.
-- KEYS  shard
-- ARGV  now, limit, then the engines that live
local now = tonumber(ARGV[1])
local living = {}
for argument = 3, #ARGV do living[ARGV[argument]] = true end
local found = {}
for _, owner in ipairs(redis.call('SMEMBERS', base .. ':o')) do
  if not living[owner] then
    for _, id in ipairs(redis.call('SRANDMEMBER', base .. ':c:' .. owner, ARGV[2])) do
      local item = read(id, now)
      if item and item.owner == owner and not item.isOver then
        found[#found + 1] = id
        found[#found + 1] = item.raw
      else
        free(owner, id)
      end
    end
  end
end
return found
