import type { RedisScript } from '#ports/redis.ts'
import { windowsMax } from './meter.ts'

/*
 * Redis keeps the time, so that clocks of gateways count for nothing. A window is counted in sixtieths, of which 61 make
 * up what counts: never less than the window. Keys expire by themselves. What is of another type than expected makes a
 * script fail, and the gateway counts without it.
 */

const clock = `
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
`

/** What a window holds; drops what does not count any more. */
const windowed = `
local function look(key, window)
  local slot = math.floor(now * 60 / window)
  local all = redis.call('HGETALL', key)
  local live, dead, used, newest = {}, {}, 0, nil
  for j = 1, #all, 2 do
    local s, a = tonumber(all[j]), tonumber(all[j + 1])
    if s == nil or a == nil or s + 61 <= slot or s > slot + 61 then dead[#dead + 1] = all[j]
    else
      used = used + a
      live[#live + 1] = { s, a }
      if newest == nil or s > newest then newest = s end
    end
  end
  if #dead > 0 then redis.call('HDEL', key, unpack(dead)) end
  return used, live, slot, newest
end
local function add(key, window, slot, amount)
  redis.call('HINCRBYFLOAT', key, slot, amount)
  redis.call('PEXPIRE', key, math.ceil(window * 61 / 60) + 1000)
end
local function level(key, limit, window)
  local kept = redis.call('HMGET', key, 'l', 't')
  local held, at = tonumber(kept[1]), tonumber(kept[2])
  if held == nil or at == nil then return 0 end
  return math.max(0, held - math.max(0, now - at) * limit / window)
end
local function fill(key, limit, window, held)
  held = math.min(held, limit * ${windowsMax})
  redis.call('HSET', key, 'l', string.format('%.17g', held), 't', now)
  redis.call('PEXPIRE', key, math.ceil(held * window / limit) + 1000)
end
`

/**
 * Takes all or nothing. ARGV: count of meters, count of slots, the process, milliseconds of a lease; for each meter kind
 * (`w` window, `b` bucket), limit, window, amount, what a bucket holds; for each slot its limit.
 * Gives 1, or 0 with the number of what hinders and the wait (−1: nobody knows); then for each meter used, milliseconds
 * until it is free, and where it was counted.
 */
export const takeScript: RedisScript = {
  text: `${clock}${windowed}
local meters, slots, me, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local found, worst, wait = {}, 0, 0
for i = 1, meters do
  local b = 4 + (i - 1) * 5
  local m = { key = KEYS[i], kind = ARGV[b + 1], limit = tonumber(ARGV[b + 2]), window = tonumber(ARGV[b + 3]), amount = tonumber(ARGV[b + 4]), holds = tonumber(ARGV[b + 5]), reset = 0, slot = 0 }
  local w = 0
  if m.kind == 'w' then
    local used, live, slot, newest = look(m.key, m.window)
    m.used, m.slot = used, slot
    if newest ~= nil then m.reset = (newest + 61) * m.window / 60 - now end
    local over = used + math.min(m.amount, m.limit) - m.limit
    if over > 0.000001 then
      table.sort(live, function(x, y) return x[1] < y[1] end)
      w = m.window
      for j = 1, #live do
        over = over - live[j][2]
        if over <= 0.000001 then
          w = math.max(1, (live[j][1] + 61) * m.window / 60 - now)
          break
        end
      end
    end
  else
    m.used = level(m.key, m.limit, m.window)
    m.reset = m.used * m.window / m.limit
    local over = m.used + math.min(m.amount, m.holds) - m.holds
    if over > 0.000001 then w = math.max(1, over * m.window / m.limit) end
  end
  if w > wait then worst, wait = i, w end
  found[i] = m
end
local mine = {}
if worst == 0 then
  for i = 1, slots do
    local key, limit, sum = KEYS[meters + i], tonumber(ARGV[4 + meters * 5 + i]), 0
    local all = redis.call('HGETALL', key)
    mine[i] = 0
    for j = 1, #all, 2 do
      local count, untilMs = string.match(all[j + 1], '^(%d+);(%d+)$')
      if count == nil or tonumber(untilMs) <= now then redis.call('HDEL', key, all[j])
      else
        sum = sum + tonumber(count)
        if all[j] == me then mine[i] = tonumber(count) end
      end
    end
    if sum >= limit then worst, wait = meters + i, -1 break end
  end
end
local out = { worst == 0 and 1 or 0, worst, math.ceil(wait) }
for i = 1, meters do
  local m = found[i]
  if worst == 0 then
    local amount = math.min(m.amount, m.limit)
    if m.kind == 'w' then add(m.key, m.window, m.slot, amount)
    else fill(m.key, m.limit, m.window, m.used + amount) end
    m.used = m.used + amount
    if m.kind == 'w' then m.reset = m.window * 61 / 60 else m.reset = m.used * m.window / m.limit end
  end
  out[#out + 1] = math.ceil(m.used)
  out[#out + 1] = math.ceil(m.reset)
  out[#out + 1] = m.slot
end
if worst == 0 then
  for i = 1, slots do
    local key = KEYS[meters + i]
    redis.call('HSET', key, me, (mine[i] + 1) .. ';' .. string.format('%d', now + lease))
    redis.call('PEXPIRE', key, lease * 2)
  end
end
return out
`,
}

/** More or less was taken than was thought. ARGV: kind, limit, window, difference, where it was counted. */
export const correctScript: RedisScript = {
  text: `${clock}${windowed}
local key, kind, limit, window, over, slot = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
if kind == 'b' then
  fill(key, limit, window, math.max(0, level(key, limit, window) + over))
elseif over > 0 then
  add(key, window, math.floor(now * 60 / window), over)
else
  local held = tonumber(redis.call('HGET', key, slot) or '')
  if held ~= nil then redis.call('HSET', key, slot, string.format('%.17g', math.max(0, held + over))) end
end
return 1
`,
}

/** A request ended. ARGV: the process, milliseconds of a lease. */
export const leaveScript: RedisScript = {
  text: `${clock}
local kept = redis.call('HGET', KEYS[1], ARGV[1])
local count = kept and tonumber(string.match(kept, '^(%d+);')) or 0
if count > 1 then redis.call('HSET', KEYS[1], ARGV[1], (count - 1) .. ';' .. string.format('%d', now + tonumber(ARGV[2])))
elseif kept then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
`,
}

/**
 * The process still runs so many; for each key. ARGV: the process, milliseconds of a lease, for each key how many at least
 * and at most: of those that are being asked for it is not known here yet whether they were let in.
 */
export const holdScript: RedisScript = {
  text: `${clock}
for i = 1, #KEYS do
  local least, most = tonumber(ARGV[1 + 2 * i]), tonumber(ARGV[2 + 2 * i])
  local kept = redis.call('HGET', KEYS[i], ARGV[1])
  local count = kept and tonumber(string.match(kept, '^(%d+);')) or 0
  count = math.max(least, math.min(count, most))
  if count > 0 then
    redis.call('HSET', KEYS[i], ARGV[1], count .. ';' .. string.format('%d', now + tonumber(ARGV[2])))
    redis.call('PEXPIRE', KEYS[i], tonumber(ARGV[2]) * 2)
  else redis.call('HDEL', KEYS[i], ARGV[1]) end
end
return 1
`,
}
