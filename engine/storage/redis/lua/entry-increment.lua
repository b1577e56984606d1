-- Adds to a counter; an absent one begins at 0 and takes the lifetime.
-- Answers { value, expiresAt, 1 where it is new else 0 }; nil when the value would not be exact any more;
-- the whole entry when it holds a text: whoever can open it asks again, with
-- what it counts as and the version that it had.
-- KEYS  entry
-- ARGV  now, version, expiresAt, lifeMs, stamp, sealed (with no value in it), by, base, version of base
local old, before = read(KEYS[1], tonumber(ARGV[1]))
local by = tonumber(ARGV[7])
if not old then
  local entry = { expiresAt = ARGV[3], counter = ARGV[7], stamp = ARGV[5], sealed = ARGV[6] }
  write(KEYS[1], entry, tonumber(ARGV[2]), before, ARGV[4])
  return { ARGV[7], ARGV[3], 1 }, true
end
local held = tonumber(old.counter)
if not held then
  if ARGV[8] == '' or tonumber(ARGV[9]) ~= old.version then return old.raw end
  held = tonumber(ARGV[8])
  old.sealed = ARGV[6]
end
local value = held + by
if math.abs(value) > 9007199254740991 then return false end
old.counter = string.format('%.0f', value)
write(KEYS[1], old, tonumber(ARGV[2]), before, 'keep')
return { old.counter, old.expiresAt, 0 }, true
