-- ardour7-lua ardour_master.lua FOLDER: a new session on JACK whose transport obeys a line of stdin each:
-- roll, stop, where, quit. It answers every line with one of its own, after "ready", or "halted" where it does not move.
AudioEngine:set_backend("JACK", "ardour", "")
local session = create_session(arg[1], "master", 48000)
assert(session)
session:cfg():set_external_sync(arg[2] == "jack")
local by = ARDOUR.TransportRequestSource.TRS_UI
session:request_locate(480000, false, ARDOUR.LocateTransportDisposition.MustStop, by)
local function stands() -- led by JACK it only goes there when it rolls
  return AudioEngine:running() and (arg[2] == "jack" or session:transport_sample() == 480000)
end
for _ = 1, 500 do
  if stands() then break end
  ARDOUR.LuaAPI.usleep(10000)
end
print(stands() and "ready" or "halted") io.stdout:flush()
while true do
  local word = io.read()
  if word == "roll" then session:request_roll(by)
  elseif word == "stop" then session:request_stop(false, false, by)
  elseif word == nil or word == "quit" then break end
  print("at " .. session:transport_sample()) io.stdout:flush()
end
close_session()
quit()
