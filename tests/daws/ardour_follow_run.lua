-- ardour7-lua ardour_follow_run.lua FOLDER OSC_URL SCRIPTS EXPORT: a real session, without a screen, rolls past ranges that
-- name cues, with the hook called as Ardour's timer would; then an export's markers come in.
local folder, url, scripts, export = arg[1], arg[2], arg[3], arg[4]
AudioEngine:set_backend("None (Dummy)", "Unit-Test", "")
local session = create_session(folder, "follow", 48000)
assert(session)
ardour = function() end
cuevox_engine = url
local by = ARDOUR.TransportRequestSource.TRS_UI
local function range(from, to, name)
  session:locations():add_range(Temporal.timepos_t(from), Temporal.timepos_t(to)):set_name(name)
end
range(24000, 48000, "cue 12 hold")
range(240000, 288000, "cue far")
range(0, 4800, "Chorus")
dofile(scripts .. "/cuevox_follow.lua")
local hook = factory()
local function calls(count)
  for _ = 1, count do ARDOUR.LuaAPI.usleep(50000) hook() end
end
hook()
session:request_locate(0, false, ARDOUR.LocateTransportDisposition.MustStop, by)
calls(6)
session:request_roll(by)
calls(30)
session:request_stop(false, false, by)
calls(6)
session:request_locate(96000, false, ARDOUR.LocateTransportDisposition.MustStop, by)
calls(24) -- more than a second: it tells where it rests
dofile(scripts .. "/cuevox_import_story.lua")
-- what Ardour's editor window does, which is not there: a track of the file's name
Editing = { ImportDistinctFiles = 0, ImportAsTrack = 0 }
Editor = {}
function Editor:do_import(files, ...)
  local count, name = select("#", ...), files:at(0):match("([^/]*)%.wav$")
  assert(count == 9, "do_import takes ten arguments")
  Session:new_audio_track(2, 2, nil, 1, name, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
end
print("IMPORT", import_story(export, 480000))
print("AGAIN", import_story(export, 480000))
print("NONE", import_story("/nowhere", 0))
for location in session:locations():list():iter() do
  print("RANGE", location:name(), location:start():samples(), location:_end():samples())
end
close_session()
quit()
