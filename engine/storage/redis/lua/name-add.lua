-- Notes an item under another name (its alias, its number), the newest last.
-- KEYS  name
-- ARGV  id, score, lifeMs, most that are remembered, NX where one that is there keeps its place, else CH
redis.call('ZADD', KEYS[1], ARGV[5], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[4]))
redis.call('PEXPIRE', KEYS[1], math.max(tonumber(ARGV[3]), redis.call('PTTL', KEYS[1])))
return 1
