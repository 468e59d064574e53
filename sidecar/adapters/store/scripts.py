"""Adapter: the Lua scripts of the store. Each runs atomically. KEYS are those of core/stored_names.py.

Job hash, schedule (job id -> Unix seconds), state counts, Upsampler slots and who waits for one. Outbox lane (id ->
number in the order of arrival: clocks of several machines differ, a counter does not), its bodies (id -> JSON), its
deferrals (id -> not before, Unix seconds; `~<id>` -> goes along with others, and alone not before), its counter.
"""

# ---------------------------------------------------------------------- what several scripts do
# The first words of a script that remembers a job, puts messages, or wakes a lane.

_CREATE = """
local function create(hash, schedule, counts, id, attempt, due, fields)
  local known = redis.call('HGET', hash, 'attempt')
  if known and tonumber(known) >= tonumber(attempt) then return false end
  if known then
    redis.call('HINCRBY', counts, redis.call('HGET', hash, 'state'), -1)
    redis.call('DEL', hash)
  end
  for i = 1, #fields, 2 do
    if fields[i] == 'state' then redis.call('HINCRBY', counts, fields[i + 1], 1) end
  end
  redis.call('HSET', hash, unpack(fields))
  if due ~= '' then redis.call('ZADD', schedule, due, id) else redis.call('ZREM', schedule, id) end
  return true
end
"""

# An id that waits already keeps its place and gets the new body.
_ENQUEUE = """
local function enqueue(lane, bodies, counter, id, body)
  if not redis.call('ZSCORE', lane, id) then redis.call('ZADD', lane, redis.call('INCR', counter), id) end
  redis.call('HSET', bodies, id, body)
end
"""

# -> 1: the caller has to notify a worker; 0: one is notified already, or the lane is paused.
_WAKE_UP = """
local function wake_up(paused, mark, ttl)
  if redis.call('EXISTS', paused) == 1 then return 0 end
  return redis.call('SET', mark, '1', 'NX', 'EX', ttl) and 1 or 0
end
"""

# ---------------------------------------------------------------------- the scripts

# KEYS: job hash, schedule, counts.  ARGV: id, attempt, due, ttl of a settled row, then field, value …
# -> 1 created | 0 the same or a newer attempt is there
CREATE = (
    _CREATE
    + """
if not create(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], {unpack(ARGV, 5)}) then return 0 end
if ARGV[4] ~= '' then redis.call('EXPIRE', KEYS[1], ARGV[4]) end
return 1
"""
)

# KEYS: the message's answer, job hash, schedule, counts, holds, an admin's holds, outbox lane, its bodies, its
#       counter, its pause, its wake-up.
# ARGV: answer, its ttl, id, attempt, due, ttl of a wake-up, fields and values; then, for a job that may go on at
#       once: stage to enter, due, message id, body, further fields and values, answer. Fields and values are a list in
#       JSON: a single argument costs its sender less than fifty.
# -> {'answered', answer}: the message is a repeat | {'known'}: the attempt, or a newer one, is there
#    | {'waits'}: created, the caller starts it | {'started', whether the caller must notify a worker}
ARRIVE = (
    _CREATE
    + _ENQUEUE
    + _WAKE_UP
    + """
local answer = redis.call('GET', KEYS[1])
if answer then return {'answered', answer} end
local fields, due, stage = cjson.decode(ARGV[7]), ARGV[5], ARGV[8]
local goes_on = stage and redis.call('HEXISTS', KEYS[5], stage) + redis.call('HEXISTS', KEYS[6], stage) == 0
if goes_on then
  due = ARGV[9]
  for _, part in ipairs(cjson.decode(ARGV[12])) do fields[#fields + 1] = part end
end
local created = create(KEYS[2], KEYS[3], KEYS[4], ARGV[3], ARGV[4], due, fields)
redis.call('SET', KEYS[1], created and goes_on and ARGV[13] or ARGV[1], 'EX', ARGV[2])
if not created then return {'known'} end
if not goes_on then return {'waits'} end
enqueue(KEYS[7], KEYS[8], KEYS[9], ARGV[10], ARGV[11])
return {'started', wake_up(KEYS[10], KEYS[11], ARGV[6])}
"""
)

# KEYS: job hash, schedule, the last outage.  ARGV: id, attempt, now, lease end, new claim, then the states it may be
# claimed in.  -> the hash as a flat list | a word why not.  A claim whose lease has lapsed counts as a crash of its
# holder, unless that was in an outage, in which nobody could renew it.
CLAIM = """
local row = redis.call('HMGET', KEYS[1], 'attempt', 'state', 'claim', 'lease')
if not row[1] then return 'missing' end
if row[1] ~= ARGV[2] then return 'superseded' end
local allowed = false
for i = 6, #ARGV do if ARGV[i] == row[2] then allowed = true end end
if not allowed then return 'state' end
if row[3] and row[3] ~= '' then
  local lapsed = tonumber(row[4] or '0')
  if lapsed > tonumber(ARGV[3]) then return 'claimed' end
  local outage = redis.call('HMGET', KEYS[3], 'since', 'until')
  if not outage[1] or lapsed < tonumber(outage[1]) or lapsed > tonumber(outage[2]) then
    redis.call('HINCRBY', KEYS[1], 'crashes', 1)
  end
end
redis.call('HSET', KEYS[1], 'claim', ARGV[5], 'lease', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
return redis.call('HGETALL', KEYS[1])
"""

# KEYS: job hash, schedule, counts, outbox lane, its bodies, its counter, its pause, its wake-up; for a job that has
# passed a stage: holds, the stage's streak.
# ARGV: id, attempt, claim that must hold ('' = none asked for), allowed states ('' = any, else ',a,b,'),
#       '' gives the claim up, '=' keeps it, due ('=' keeps, '' removes), ttl ('' none, '=' keeps),
#       ttl of a wake-up, expected fields and values ('' none), fields and values to write ('' deletes the field), both
#       lists in JSON; then message id, body …
# -> {whether the caller must notify a worker to the lane, the hash as a flat list, whether there is a hold or that
# streak} | a word why not
UPDATE = (
    _ENQUEUE
    + _WAKE_UP
    + """
local row = redis.call('HMGET', KEYS[1], 'attempt', 'state', 'claim')
if not row[1] then return 'missing' end
if row[1] ~= ARGV[2] then return 'superseded' end
if ARGV[3] ~= '' and row[3] ~= ARGV[3] then return 'claim' end
if ARGV[4] ~= '' and not string.find(ARGV[4], ',' .. row[2] .. ',', 1, true) then return 'state' end
local expected = ARGV[9] ~= '' and cjson.decode(ARGV[9]) or {}
for i = 1, #expected, 2 do
  if (redis.call('HGET', KEYS[1], expected[i]) or '') ~= expected[i + 1] then return 'changed' end
end
for i = 11, #ARGV, 2 do enqueue(KEYS[4], KEYS[5], KEYS[6], ARGV[i], ARGV[i + 1]) end
local woken = ARGV[11] and wake_up(KEYS[7], KEYS[8], ARGV[8]) or 0
local changes, set, unset = cjson.decode(ARGV[10]), {}, {}
for i = 1, #changes, 2 do
  local field, value = changes[i], changes[i + 1]
  if field == 'state' and value ~= row[2] then
    redis.call('HINCRBY', KEYS[3], row[2], -1)
    redis.call('HINCRBY', KEYS[3], value, 1)
  end
  if value == '' then unset[#unset + 1] = field
  else set[#set + 1] = field set[#set + 1] = value end
end
if ARGV[5] == '' then unset[#unset + 1] = 'claim' unset[#unset + 1] = 'lease'
elseif ARGV[3] ~= '' and ARGV[6] ~= '=' then set[#set + 1] = 'lease' set[#set + 1] = ARGV[6] end
if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
if #unset > 0 then redis.call('HDEL', KEYS[1], unpack(unset)) end
if ARGV[6] == '' then redis.call('ZREM', KEYS[2], ARGV[1])
elseif ARGV[6] ~= '=' then redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1]) end
if ARGV[7] == '' then redis.call('PERSIST', KEYS[1])
elseif ARGV[7] ~= '=' then redis.call('EXPIRE', KEYS[1], ARGV[7]) end
return {woken, redis.call('HGETALL', KEYS[1]), KEYS[9] and redis.call('EXISTS', KEYS[9], KEYS[10]) or 0}
"""
)

# KEYS: job hash, schedule.  ARGV: id, attempt, claim, lease end, now.  -> 1 it is pushed on
RENEW = """
local row = redis.call('HMGET', KEYS[1], 'attempt', 'claim')
if row[1] ~= ARGV[2] or row[2] ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'lease', ARGV[4], 'updated_at', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
return 1
"""

# KEYS: jobs.  -> attempt, state, attempt, state, … ('' for an unknown job). One answer instead of thousands.
VERSIONS = """
local found = {}
for _, key in ipairs(KEYS) do
  local row = redis.call('HMGET', key, 'attempt', 'state')
  found[#found + 1] = row[1] or ''
  found[#found + 1] = row[2] or ''
end
return found
"""

# KEYS: schedule.  ARGV: now, until, limit.  Takes what is due and books it again for `until`, so that a
# dispatcher that dies between taking and enqueueing loses nothing.  -> ids
TAKE_DUE = """
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], ARGV[2], id) end
return ids
"""

# KEYS: slots, line.  ARGV: id, limit, place among those who wait.  -> 1 has a slot | 0 waits
TAKE_SLOT = """
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return 1 end
local first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
local free = tonumber(ARGV[2]) - redis.call('SCARD', KEYS[1])
if free > 0 and (not first or first == ARGV[1] or redis.call('ZCARD', KEYS[2]) < free) then
  redis.call('SADD', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 1
end
redis.call('ZADD', KEYS[2], 'NX', ARGV[3], ARGV[1])
return 0
"""

# KEYS: slots, line, schedule; for a job that is to come again, its hash.  ARGV: id, limit, now, the claim that it had.
# Frees the slot, unless somebody else goes on with the job; calls up the next that waits.  -> ids called up
FREE_SLOT = """
if KEYS[4] then
  local row = redis.call('HMGET', KEYS[4], 'state', 'claim')
  if row[1] ~= 'submitting' or row[2] and row[2] ~= '' and row[2] ~= ARGV[4] then return {} end
end
redis.call('SREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
local called = {}
local free = tonumber(ARGV[2]) - redis.call('SCARD', KEYS[1])
while free > 0 do
  local next = redis.call('ZPOPMIN', KEYS[2])[1]
  if not next then break end
  redis.call('SADD', KEYS[1], next)
  redis.call('ZADD', KEYS[3], ARGV[3], next)
  called[#called + 1] = next
  free = free - 1
end
return called
"""

# KEYS: lane, bodies, counter, pause, wake-up, deferrals.  ARGV: ttl of a wake-up, when the messages go alone ('': at
# once; else they go along with others until then), then (id, body) …  -> 1 the caller must notify a worker | 0
PUT = (
    _ENQUEUE
    + _WAKE_UP
    + """
for at = 3, #ARGV, 2 do
  enqueue(KEYS[1], KEYS[2], KEYS[3], ARGV[at], ARGV[at + 1])
  if ARGV[2] ~= '' then redis.call('ZADD', KEYS[6], ARGV[2], '~' .. ARGV[at]) end
end
if ARGV[2] ~= '' then return 0 end
return wake_up(KEYS[4], KEYS[5], ARGV[1])
"""
)

# KEYS: lane, bodies, deferrals.  ARGV: now, limit.  -> the bodies that may go, in the order of arrival
READY = """
local bodies, at, limit, now, alone = {}, 0, tonumber(ARGV[2]), tonumber(ARGV[1]), false
local function waits(id)
  local score = redis.call('ZSCORE', KEYS[3], id)
  return score and tonumber(score) > now
end
while #bodies < limit do
  local ids = redis.call('ZRANGE', KEYS[1], at, at + limit - 1)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    if not waits(id) and #bodies < limit then
      bodies[#bodies + 1] = redis.call('HGET', KEYS[2], id)
      alone = alone or not waits('~' .. id)
    end
  end
  at = at + limit
end
return alone and bodies or {}
"""

# KEYS: lane, deferrals.  ARGV: until, ids …
DEFER = """
for at = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) then
    redis.call('ZADD', KEYS[2], ARGV[1], ARGV[at])
    redis.call('ZREM', KEYS[2], '~' .. ARGV[at])
  end
end
"""

# KEYS: lane, bodies, deferrals.  ARGV: (id, body) …  Removes what still says what was sent: a message that was replaced
# while its older wording was on the wire stays.  An empty body removes whatever the id says.
DONE = """
for at = 1, #ARGV, 2 do
  if ARGV[at + 1] == '' or redis.call('HGET', KEYS[2], ARGV[at]) == ARGV[at + 1] then
    redis.call('ZREM', KEYS[1], ARGV[at])
    redis.call('HDEL', KEYS[2], ARGV[at])
    redis.call('ZREM', KEYS[3], ARGV[at], '~' .. ARGV[at])
  end
end
"""

# KEYS: a lane's pause, its wake-up.  ARGV: ttl of the wake-up, seconds.  -> 1 the caller must notify a worker | 0
WAKE_UP = _WAKE_UP + "return wake_up(KEYS[1], KEYS[2], ARGV[1])"

# KEYS: a lock.  ARGV: token, milliseconds.  -> 1 it is ours
KEEP_LOCK = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

# KEYS: a lane's lock, its wake-up, its pause.  ARGV: token.  -> 1 it was ours, somebody has been called meanwhile, and
# the lane is not paused
UNLOCK = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return redis.call('EXISTS', KEYS[2]) * (1 - redis.call('EXISTS', KEYS[3]))
"""
