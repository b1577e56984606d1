-- Put before each script on work. A shard of a queue lies in one slot; KEYS[1] is
-- its name, `pc:{queue:shard}`, and everything in it has a key that begins so:
--
--   …:i:<id>               an item, one string: 14 fields and the body, as below
--   …:d:<lane>:<priority>  what waits: ids by due time, with a fraction
--   …:p:<lane>             the priorities of which some wait
--   …:c:<owner>            what an engine has claimed: ids
--   …:o                    the engines that have claimed something
--   …:l                    all items: ids by when they were scheduled (`seq`)
--   …:e                    those with an end: ids by that time
--                          (these two go by themselves when all have an end)
--
-- Fields are joined by ':', no field holds one; '' is none. Times are
-- milliseconds since 1970, `seq` and `version` 1/1024 ms.

local base = KEYS[1]
local names = { 'version', 'priority', 'dueAt', 'expiresAt', 'createdAt', 'updatedAt', 'seq', 'scriptTag', 'numberTag',
  'alias', 'state', 'owner', 'lane' }

local function digits(number)
  return string.format('%.0f', number)
end

local function read(id, now)
  local raw = redis.call('GET', base .. ':i:' .. id)
  if not raw then return nil end
  local item = {}
  local at = 1
  for _, name in ipairs(names) do
    local stop = raw:find(':', at, true)
    item[name] = raw:sub(at, stop - 1)
    at = stop + 1
  end
  item.body = raw:sub(at)
  item.raw = raw
  item.isOver = item.expiresAt ~= '' and tonumber(item.expiresAt) <= now
  return item
end

-- `lifeMs`: '' for ever, 'keep' as it is.
local function write(id, item, lifeMs)
  local fields = {}
  for index, name in ipairs(names) do fields[index] = item[name] end
  fields[#names + 1] = item.body
  local key = base .. ':i:' .. id
  local raw = table.concat(fields, ':')
  if lifeMs == 'keep' then
    redis.call('SET', key, raw, 'KEEPTTL')
  elseif lifeMs == '' then
    redis.call('SET', key, raw)
  else
    redis.call('SET', key, raw, 'PX', lifeMs)
  end
  return raw
end

local function stopWaiting(lane, priority, id)
  local key = base .. ':d:' .. lane .. ':' .. priority
  if redis.call('ZREM', key, id) == 1 and redis.call('EXISTS', key) == 0 then
    redis.call('ZREM', base .. ':p:' .. lane, priority)
  end
end

local function free(owner, id)
  redis.call('SREM', base .. ':c:' .. owner, id)
  if redis.call('EXISTS', base .. ':c:' .. owner) == 0 then redis.call('SREM', base .. ':o', owner) end
end

-- Where it waits, or whose it is: taken away before a change, put back after it.
local function takeOut(id, item)
  if item.owner ~= '' then
    free(item.owner, id)
  elseif item.dueAt ~= '' then
    stopWaiting(item.lane, item.priority, id)
  end
end

local function putIn(id, item)
  if item.owner ~= '' then
    redis.call('SADD', base .. ':c:' .. item.owner, id)
    redis.call('SADD', base .. ':o', item.owner)
  elseif item.dueAt ~= '' then
    -- Of one millisecond the one that was scheduled first goes first.
    local score = string.format('%.10f', tonumber(item.dueAt) + tonumber(item.seq) % 1024 / 1024)
    redis.call('ZADD', base .. ':d:' .. item.lane .. ':' .. item.priority, score, id)
    redis.call('ZADD', base .. ':p:' .. item.lane, item.priority, item.priority)
  end
end

local function remove(id, item)
  takeOut(id, item)
  redis.call('DEL', base .. ':i:' .. id)
  redis.call('ZREM', base .. ':l', id)
  redis.call('ZREM', base .. ':e', id)
end

-- The lists go with the last item, where all have an end: so that nothing is left
-- of a shard into which nothing more comes. Written about once a day.
local function setLifetimes(now)
  local last = redis.call('ZRANGE', base .. ':e', -1, -1, 'WITHSCORES')
  if last[2] and redis.call('ZCARD', base .. ':l') == redis.call('ZCARD', base .. ':e') then
    -- Redis forgets an item a day after its end.
    local lifeMs = math.max(tonumber(last[2]) - now, 0) + 2 * 86400000
    local leftMs = redis.call('PTTL', base .. ':l')
    if leftMs < lifeMs then
      redis.call('PEXPIRE', base .. ':l', digits(lifeMs + 86400000))
      redis.call('PEXPIRE', base .. ':e', digits(lifeMs + 86400000))
    end
  else
    redis.call('PERSIST', base .. ':l')
    redis.call('PERSIST', base .. ':e')
  end
end

-- A few whose time has passed: the shard never grows by more than what is scheduled.
local function sweep(now)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. ':e', '-inf', now, 'LIMIT', 0, 3)) do
    local item = read(id, now)
    if item then
      remove(id, item)
    else
      redis.call('ZREM', base .. ':l', id)
      redis.call('ZREM', base .. ':e', id)
    end
  end
end
