-- Around each script on an entry: what was done under a name is not done again.
-- Kept under that name: length ':' the answer of so many bytes, then what was
-- written, sealed; nothing where it was deleted.
-- KEYS  entry, and where its answer is kept under that name; absent for one that has none
local function act()
-- body --
end

if not KEYS[2] then return (act()) end
local told = redis.call('GET', KEYS[2])
if told then
  local length, at = told:match('^(%d+):()')
  return cmsgpack.unpack(told:sub(at, at + length - 1))[1]
end
-- The second value says that something was done.
local answer, done = act()
if done then
  local packed = cmsgpack.pack({ answer })
  redis.call('SET', KEYS[2], #packed .. ':' .. packed .. (ARGV[6] or ''), 'EX', 691200)
end
return answer
