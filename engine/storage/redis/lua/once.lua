-- Around each script on an entry: what was done under a name is not done again.
-- KEYS  entry, and where its answer is kept under that name; absent for one that has none
local function act()
-- body --
end

if not KEYS[2] then return (act()) end
local told = redis.call('GET', KEYS[2])
if told then return cmsgpack.unpack(told)[1] end
-- The second value says that something was done.
local answer, done = act()
if done then redis.call('SET', KEYS[2], cmsgpack.pack({ answer }), 'EX', 86400) end
return answer
