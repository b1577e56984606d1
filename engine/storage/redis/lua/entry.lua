-- Put before each script on an entry. An entry is one string:
--
--   version ':' expiresAt ':' counter ':' stamp ':' sealed
--
-- Times are milliseconds since 1970, '' where there is none; `stamp` is the score
-- of its path in the index. The first four are plain digits, `sealed` any bytes.

local function read(key, now)
  local raw = redis.call('GET', key)
  if not raw then return nil, 0 end
  local version, expiresAt, counter, stamp, at = raw:match('^(%d+):(%d*):(%-?%d*):([^:]*):()')
  version = tonumber(version)
  -- Redis forgets it soon; by the engine's clock it is gone already.
  if expiresAt ~= '' and tonumber(expiresAt) <= now then return nil, version end
  return { version = version, expiresAt = expiresAt, counter = counter, stamp = stamp, sealed = raw:sub(at), raw = raw },
    version
end

-- `lifeMs`: '' for ever, 'keep' as it is.
local function write(key, entry, version, before, lifeMs)
  version = math.max(before + 1, version)
  local text = table.concat(
    { string.format('%.0f', version), entry.expiresAt, entry.counter, entry.stamp, entry.sealed }, ':')
  if lifeMs == 'keep' then
    redis.call('SET', key, text, 'KEEPTTL')
  elseif lifeMs == '' then
    redis.call('SET', key, text)
  else
    redis.call('SET', key, text, 'PX', lifeMs)
  end
end
