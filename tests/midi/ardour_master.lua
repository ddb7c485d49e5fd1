-- ardour7-lua ardour_master.lua FOLDER: a new session on JACK whose transport obeys a line of stdin each:
-- roll, stop, where, quit. It answers every line with one of its own.
AudioEngine:set_backend("JACK", "ardour", "")
local session = create_session(arg[1], "master", 48000)
assert(session)
session:cfg():set_external_sync(arg[2] == "jack")
local by = ARDOUR.TransportRequestSource.TRS_UI
session:request_locate(480000, false, ARDOUR.LocateTransportDisposition.MustStop, by)
print("ready") io.stdout:flush()
while true do
  local word = io.read()
  if word == "roll" then session:request_roll(by)
  elseif word == "stop" then session:request_stop(false, false, by)
  elseif word == nil or word == "quit" then break end
  print("at " .. session:transport_sample()) io.stdout:flush()
end
close_session()
quit()
