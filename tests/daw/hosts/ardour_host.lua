-- ardour7-lua ardour_host.lua: Ardour without a screen, told what to do line by line. Each line is a piece of Lua; the answer
-- begins with `@ ok` or `@ no`.
local by = ARDOUR.TransportRequestSource.TRS_UI
AudioEngine:set_backend("None (Dummy)", "Unit-Test", "")
AudioEngine:set_buffer_size(256)

function open(session) S = session assert(S) return S:nominal_sample_rate() end
function plugin(track) return S:route_by_name(track):nth_plugin(0) end

-- A track with one of our plug-ins on it: an audio track, or one for notes whose instrument it is.
function add(name, uri, with_notes)
  local tracks
  if with_notes then
    tracks = S:new_midi_track(ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1), ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2),
      true, ARDOUR.PluginInfo(), nil, nil, 1, name, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
  else
    tracks = S:new_audio_track(2, 2, nil, 1, name, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
  end
  local it = ARDOUR.LuaAPI.new_plugin(S, uri, ARDOUR.PluginType.LV2, "")
  assert(not it:isnil(), "no plug-in " .. uri)
  return tracks:front():to_route():add_processor_by_index(it, 0, nil, true)
end

-- The number that a parameter of the plug-in has, by its name: its place among all that control or tell something.
local function control(track, name)
  local it, number = plugin(track):to_insert():plugin(0), 0
  for index = 0, it:parameter_count() - 1 do
    if it:parameter_is_control(index) then
      if it:parameter_label(index) == name then return number end
      number = number + 1
    end
  end
  error("no parameter " .. name)
end
function set(track, name, value)
  assert(ARDOUR.LuaAPI.set_processor_param(plugin(track), control(track, name), value), "refused")
end
function get(track, name)
  return (ARDOUR.LuaAPI.get_processor_param(plugin(track), control(track, name), true))
end

function roll() S:request_roll(by) end
function stop() S:request_stop(false, false, by) end
function locate(frame, rolls)
  local then_ = rolls and ARDOUR.LocateTransportDisposition.MustRoll or ARDOUR.LocateTransportDisposition.MustStop
  S:request_locate(frame, false, then_, by)
end
function where() return S:transport_sample() end
function rest(seconds) ARDOUR.LuaAPI.usleep(seconds * 1000000) end
function export(folder, name, from, to, preset)
  local it = S:simple_export()
  assert(it:set_preset(preset), "no preset " .. preset)
  it:set_folder(folder)
  it:set_name(name)
  it:set_range(from, to)
  return it:run_export()
end

for line in io.lines() do
  local chunk, wrong = load(line)
  local done, answer = false, wrong
  if chunk then done, answer = pcall(chunk) end
  io.write("\n@ ", done and "ok " or "no ", (tostring(answer):gsub("\n", " ")), "\n")
  io.flush()
end
close_session()
quit()
