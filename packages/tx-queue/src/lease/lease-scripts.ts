/**
 * What Redis decides about leases, in one step each. A lease is a hash (`holder`, `label`, `epoch`, `expires`, `settles`;
 * times in milliseconds of Redis's own clock) and, beside it, the last epoch that was given out. Epochs grow and are at
 * least the time, so that they grow even over a Redis that has forgotten the last one. The hash does not expire as a key:
 * a holder that comes back late and finds nobody else in its place goes on.
 *
 * When Redis has forgotten everything, whoever gets the lease is not believed (`settles`) until it has held it for two
 * lease times: time enough for the holder of before to take it back.
 */

/** Now by Redis's clock, or as the first argument says (tests). */
const NOW = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * Takes the lease, renews it, or tells who has it.
 * KEYS: lease, last epoch. ARGV: now or '', holder, label, highest epoch known to the asker, epoch that it holds or 0,
 * lease time, 1 if it was a holder that was believed and may go on in a Redis that has forgotten it. Answers {1 if held, epoch, ms until it settles, holder, label, ms until it ends}.
 */
export const HOLD = `${NOW}
local me, label = ARGV[2], ARGV[3]
local known, held, ms = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lease = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'expires', 'settles', 'label')
local owner = lease[1]
local epoch = tonumber(lease[2] or '0')
local expires = tonumber(lease[3] or '0')
local settles = tonumber(lease[4] or '0')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local function take(number, at)
  redis.call('SET', KEYS[2], string.format('%d', math.max(last, number)))
  number = string.format('%d', number)
  redis.call('HSET', KEYS[1], 'holder', me, 'label', label, 'epoch', number,
    'expires', string.format('%d', now + ms), 'settles', string.format('%d', at))
  return {1, tonumber(number), math.max(0, at - now), me, label, ms}
end
if held > 0 then
  if owner == me and epoch == held then return take(held, settles) end
  if ARGV[7] == '1' and (not owner or settles > now) then return take(held, now + 2 * ms) end
elseif not owner or expires <= now then
  local isKnown = last > 0 and settles <= now
  return take(math.max(last, known, now - 1) + 1, isKnown and 0 or now + 2 * ms)
end
return {0, epoch, math.max(0, settles - now), owner or '', lease[5] or '', math.max(0, expires - now)}
`;

/** Gives the lease back. KEYS: lease. ARGV: holder, epoch. */
export const RELEASE = `
local lease = redis.call('HMGET', KEYS[1], 'holder', 'epoch')
if lease[1] == ARGV[1] and lease[2] == ARGV[2] then redis.call('HSET', KEYS[1], 'expires', 0) end
return 1
`;

/** Looks. KEYS: lease. ARGV: now or ''. Answers {1 if there is one, epoch, ms until it settles, ms until it ends}. */
export const LOOK = `${NOW}
local lease = redis.call('HMGET', KEYS[1], 'epoch', 'expires', 'settles')
if not lease[1] then return {0, 0, 0, 0} end
return {1, tonumber(lease[1]), math.max(0, tonumber(lease[3]) - now), math.max(0, tonumber(lease[2]) - now)}
`;

/**
 * Writes for a holder, as long as it is one and is believed. KEYS: lease, a key that has to exist or '', and those that
 * are written to. ARGV: now or '', holder, epoch, then the writes, each as its length, its name, the number of its key
 * (from 1, of those written to) and the rest.
 * Answers 1, or 0 when the lease is another's, -1 when the needed key is missing, or -2 minus the ms until it settles.
 */
export const WRITE = `${NOW}
local lease = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'settles')
if lease[1] and (lease[1] ~= ARGV[2] or lease[2] ~= ARGV[3]) then return 0 end
if not lease[1] then return -2 end
local settles = tonumber(lease[3])
if settles > now then return -2 - (settles - now) end
if KEYS[2] ~= '' and redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local at = 4
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  local command = { ARGV[at + 1], KEYS[2 + tonumber(ARGV[at + 2])] }
  for index = at + 3, at + count do command[#command + 1] = ARGV[index] end
  redis.call(unpack(command))
  at = at + count + 1
end
return 1
`;
