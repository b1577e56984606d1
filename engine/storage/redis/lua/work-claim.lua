-- Takes what is due. Answers { id, item, … }.
-- KEYS  shard
-- ARGV  now (what is due), clock (what is over), version, owner, lane, then priority and limit again and again
local clock = tonumber(ARGV[2])
local taken = {}
local last = '(' .. digits(tonumber(ARGV[1]) + 1)
for argument = 6, #ARGV, 2 do
  local key = base .. ':d:' .. ARGV[5] .. ':' .. ARGV[argument]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', last, 'LIMIT', 0, ARGV[argument + 1])) do
    stopWaiting(ARGV[5], ARGV[argument], id)
    local item = read(id, clock)
    if item and not item.isOver then
      item.owner = ARGV[4]
      item.version = digits(math.max(tonumber(item.version) + 1, tonumber(ARGV[3])))
      item.updatedAt = ARGV[2]
      putIn(id, item)
      taken[#taken + 1] = id
      taken[#taken + 1] = write(id, item, 'keep')
    end
  end
end
return taken
