ardour {
  ["type"] = "EditorHook",
  name = "Cuevox: Follow Transport and Markers",
  license = "ISC",
  author = "Cuevox",
  description = [[Has a running Cuevox follow this session's transport, and fires what marks and ranges are named after:
`cue 12` (`cue 12 hold` stops it at the range's end), `slot desk 3`, `snapshot dark`. Ardour calls this ten times a
second: what comes is sent ahead, with the time that is left.]]
}

function signals()
  return LuaSignal.Set():add({ [LuaSignal.LuaTimerDS] = true })
end

function factory()
  local ENGINE = "osc.udp://127.0.0.1:7400"
  local AHEAD_SECONDS, JUMP_SECONDS, CHASE_SECONDS = 0.35, 0.1, 1
  local engine = ARDOUR.LuaOSC.Address(cuevox_engine or ENGINE)
  local playing, position, at, sent_to, due = false, nil, nil, nil, {}
  local told_place, told_at

  local function fires(name)
    local kind, rest = name:match("^%s*(%a+)[%s:]+(.-)%s*$")
    kind = kind and kind:lower()
    if kind == "cue" then
      local cue, hold = rest:match("^([%w_.-]+)%s*(%a*)$")
      if cue and (hold == "" or hold == "hold") then
        return "/cue/" .. cue .. "/go", hold == "hold" and "/cue/" .. cue .. "/stop" or nil
      end
    elseif kind == "slot" then
      local bank, index = rest:match("^([%w_-]+)%s+(%d+)$")
      if bank then
        return "/slot/" .. bank .. "/" .. index .. "/trigger", "/slot/" .. bank .. "/" .. index .. "/release"
      end
    elseif kind == "snapshot" then
      local id = rest:match("^([%w_-]+)$")
      if id then return "/snapshot/" .. id .. "/recall" end
    end
  end

  local function fired_between(from, to)
    local found, rate = {}, Session:nominal_sample_rate()
    for location in Session:locations():list():iter() do
      local start, finish = fires(location:name())
      local begins, ends = location:start():samples() / rate, location:_end():samples() / rate
      if start and begins > from and begins <= to then found[#found + 1] = { at = begins, address = start } end
      if finish and not location:is_mark() and ends > from and ends <= to then
        found[#found + 1] = { at = ends, address = finish }
      end
    end
    return found
  end

  local function forget(now)
    for address, when in pairs(due) do
      if when > now then engine:send("/clearsched", "s", address) end
    end
    due = {}
  end

  local function send_ahead(here)
    for _, each in ipairs(fired_between(sent_to, here + AHEAD_SECONDS)) do
      engine:send("/at", "ds", math.max(each.at - here, 0), each.address)
      due[each.address] = each.at
    end
    sent_to = here + AHEAD_SECONDS
  end

  -- Two clocks drift apart, and an engine that was started again knows nothing: tell it now and then where Ardour is, while
  -- it goes at its usual speed.
  local function chase(here, now, rolls, moved)
    if moved or not told_at then
      told_place, told_at = here, now
    elseif now - told_at >= CHASE_SECONDS then
      local usual = not rolls or math.abs(here - told_place - now + told_at) <= JUMP_SECONDS
      if usual then engine:send("/transport/chase", "di", here, rolls and 1 or 0) end
      told_place, told_at = here, now
    end
  end

  -- Seconds of a clock that goes on: Ardour's own, not the system's.
  local function clock() return ARDOUR.LuaAPI.monotonic_time() / 1e6 end

  return function(signal, ref, ...)
    if not Session then return end
    local rolls = Session:transport_rolling()
    local here, now = Session:transport_sample() / Session:nominal_sample_rate(), clock()
    local expected = position and position + (playing and now - at or 0) or here
    local jumped = position ~= nil and math.abs(here - expected) > JUMP_SECONDS
    if rolls and (not playing or jumped) then
      forget(position or here)
      sent_to = here - 1 / Session:nominal_sample_rate()
      engine:send("/transport/locate", "d", here)
      if not playing then engine:send("/transport/play", "") end
    elseif playing and not rolls then
      forget(position)
      engine:send("/transport/stop", "")
      engine:send("/transport/locate", "d", here)
    elseif jumped then
      engine:send("/transport/locate", "d", here)
    end
    chase(here, now, rolls, jumped or rolls ~= playing)
    playing, position, at = rolls, here, now
    if rolls then send_ahead(here) end
  end
end
