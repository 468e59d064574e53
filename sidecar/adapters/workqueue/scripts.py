"""Adapter, work queue: the Lua scripts. Each runs atomically."""

# KEYS: ready work of a queue, its wake-up mark.
# ARGV: item, not before, a mark ('' none), its ttl, ttl of a wake-up ('' makes none).
# -> 0 the mark stands already | 1 put | 2 put, and the caller must wake a worker
PUT = """
if ARGV[3] ~= '' and not redis.call('SET', ARGV[3], '1', 'NX', 'EX', ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1])
if ARGV[5] ~= '' and redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[5]) then return 2 end
return 1
"""

# KEYS: ready work of the queues that the caller serves, by priority; then their wake-up marks.
# ARGV: now, ttl of a wake-up; then, for each queue, the beginning of its marks.
# Takes the first item and lifts the marks of its jobs, so that their like may be put again; if there is more, another
# worker is to be woken.
# -> {place of the queue, item, place of the queue that the caller must wake a worker for (0: none)}
#    | {0, when the next item may go ('' none)}
TAKE = """
local queues = #KEYS / 2
local taken, more, soonest = nil, 0, ''
for place = 1, queues do
  local key = KEYS[place]
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', ARGV[1], 'LIMIT', 0, taken and 1 or 2)
  if due[1] and not taken then
    taken = {place, due[1]}
    redis.call('ZREM', key, due[1])
    if due[2] then more = place break end
  elseif due[1] then
    more = place
    break
  end
end
if taken then
  taken[3] = more > 0 and redis.call('SET', KEYS[queues + more], '1', 'NX', 'EX', ARGV[2]) and more or 0
  local item, jobs = cjson.decode(taken[2]), {}
  if item[1] == 'stage' then jobs = {item[3]} end
  if item[1] == 'watch_many' then for _, job in ipairs(item[2]) do jobs[#jobs + 1] = job[1] end end
  for _, job in ipairs(jobs) do redis.call('DEL', ARGV[2 + taken[1]] .. job) end
  return taken
end
for place = 1, queues do
  local first = redis.call('ZRANGE', KEYS[place], 0, 0, 'WITHSCORES')
  if first[2] and (soonest == '' or tonumber(first[2]) < tonumber(soonest)) then soonest = first[2] end
end
return {0, soonest}
"""
