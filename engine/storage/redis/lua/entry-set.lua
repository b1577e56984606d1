-- Writes an entry. Answers 1, or 0 when `ifAbsent` was asked for and there is one.
-- KEYS  entry
-- ARGV  now, version, expiresAt, lifeMs, stamp, sealed, ifAbsent (1 or 0)
local old, before = read(KEYS[1], tonumber(ARGV[1]))
if old and ARGV[7] == '1' then return 0 end
local entry = { expiresAt = ARGV[3], counter = '', stamp = ARGV[5], sealed = ARGV[6] }
write(KEYS[1], entry, tonumber(ARGV[2]), before, ARGV[4])
return 1, true
