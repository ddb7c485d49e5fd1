-- usage: ardour7-lua ardour_regions.lua SESSION_FOLDER NAME: loads a session without sound and lists it, tab-separated
local folder, name = arg[1], arg[2]
AudioEngine:set_backend("None (Dummy)", "Unit-Test", "")
local function tell(...) print(table.concat({...}, "\t")) end
local session = load_session(folder, name)
assert(session)
for route in session:get_routes():iter() do
  local track = route:to_track()
  tell("ROUTE", route:name(), route:gain_control():get_value(), tostring(route:muted()))
  if not track:isnil() then
    for region in track:playlist():region_list():iter() do
      tell("REGION", route:name(), region:name(), region:position():samples(), region:start():samples(),
        region:length():samples(), region:to_audioregion():scale_amplitude())
    end
  end
end
for location in session:locations():list():iter() do
  if location:is_mark() then tell("MARK", location:name(), location:start():samples()) end
end
close_session()
quit()
