-- Compare and set: writes only where the entry still has that version ('' is
-- still absent). Answers 1 or 0; the entry's stamp instead of 1 for a delete, and
-- where the entry keeps it.
-- KEYS  entry
-- ARGV  now, version, expiresAt, lifeMs ('keep' keeps expiresAt and stamp too), stamp, sealed ('' deletes), expected
local old, before = read(KEYS[1], tonumber(ARGV[1]))
if ARGV[7] == '' then
  if old then return 0 end
  if ARGV[6] == '' then return '' end
  local lifeMs = ARGV[4] == 'keep' and '' or ARGV[4]
  local entry = { expiresAt = ARGV[3], counter = '', stamp = ARGV[5], sealed = ARGV[6] }
  write(KEYS[1], entry, tonumber(ARGV[2]), before, lifeMs)
  return 1, true
end
if not old or old.version ~= tonumber(ARGV[7]) then return 0 end
if ARGV[6] == '' then
  redis.call('DEL', KEYS[1])
  return old.stamp, true
end
old.counter = ''
old.sealed = ARGV[6]
if ARGV[4] ~= 'keep' then
  old.expiresAt = ARGV[3]
  old.stamp = ARGV[5]
end
write(KEYS[1], old, tonumber(ARGV[2]), before, ARGV[4])
return ARGV[4] == 'keep' and old.stamp or 1, true
