-- Removes an entry. Answers its stamp, nil when there was none.
-- KEYS  entry
-- ARGV  now
local old = read(KEYS[1], tonumber(ARGV[1]))
redis.call('DEL', KEYS[1])
return old and old.stamp, old ~= nil
