ardour {
  ["type"] = "EditorAction",
  name = "Cuevox: Import Story",
  license = "ISC",
  author = "Cuevox",
  description = [[Takes the stems and markers of a Cuevox export (a folder with manifest.json) into this session: every
stem as a track from the playhead on, scenes as ranges, markers as marks. What a session of its own should be is in the
export's folder ardour/ instead.]]
}

-- The values of a JSON text: objects and arrays as tables, null as nil. Fails on anything else.
local function read_json(text)
  local at = 1
  local value
  local function skip() at = text:find("%S", at) or #text + 1 end
  local function string_here()
    local parts = {}
    at = at + 1
    while true do
      local stop = assert(text:find('["\\]', at), "a text that does not end")
      parts[#parts + 1] = text:sub(at, stop - 1)
      if text:sub(stop, stop) == '"' then at = stop + 1 return table.concat(parts) end
      local kind = text:sub(stop + 1, stop + 1)
      if kind == "u" then
        parts[#parts + 1] = utf8.char(tonumber(text:sub(stop + 2, stop + 5), 16))
        at = stop + 6
      else
        parts[#parts + 1] = ({ n = "\n", t = "\t", r = "\r", b = "\b", f = "\f" })[kind] or kind
        at = stop + 2
      end
    end
  end
  local function members(close, member)
    local found = {}
    at = at + 1
    skip()
    while text:sub(at, at) ~= close do
      member(found)
      skip()
      if text:sub(at, at) == "," then at = at + 1 skip() end
    end
    at = at + 1
    return found
  end
  function value()
    skip()
    local c = text:sub(at, at)
    if c == "{" then
      return members("}", function(found)
        local key = string_here()
        skip()
        assert(text:sub(at, at) == ":", "no colon after " .. key)
        at = at + 1
        found[key] = value()
      end)
    elseif c == "[" then
      return members("]", function(found) found[#found + 1] = value() end)
    elseif c == '"' then
      return string_here()
    end
    local word = assert(text:match("^[%w+%-.]+", at), "nothing at " .. at)
    at = at + #word
    if word == "true" then return true elseif word == "false" then return false elseif word == "null" then return nil end
    return assert(tonumber(word), "no number: " .. word)
  end
  return value()
end

local function read_manifest(folder)
  local file, why = io.open(folder .. "/manifest.json", "rb")
  if not file then return nil, "This is no folder of a Cuevox export: " .. why end
  local text = file:read("*a")
  file:close()
  local good, manifest = pcall(read_json, text)
  if not good or type(manifest) ~= "table" or not manifest.files then return nil, folder .. "/manifest.json can't be read" end
  return manifest
end

-- Sample positions of the export in this session's rate, from `origin` on.
local function place(frame, manifest, origin)
  return origin + math.floor(frame * Session:nominal_sample_rate() / manifest.sample_rate + 0.5)
end

-- The names of this session's tracks: Ardour calls one that it makes for a file after it.
local function track_names()
  local names = {}
  for track in Session:get_tracks():iter() do names[track:name()] = true end
  return names
end

-- Stems as tracks, each once; returns how many are new, and how many were there already.
local function import_stems(folder, manifest, origin)
  local count, there, names = 0, 0, track_names()
  for _, file in ipairs(manifest.files) do
    if file.role == "track" or file.role == "bus" then
      if names[file.path:match("([^/]*)%.[^.]*$")] then
        there = there + 1
        goto continue
      end
      local files = C.StringVector()
      files:push_back(folder .. "/" .. file.path)
      Editor:do_import(files, Editing.ImportDistinctFiles, Editing.ImportAsTrack, ARDOUR.SrcQuality.SrcBest,
        ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
        Temporal.timepos_t(place(manifest.start_frame or 0, manifest, origin)), ARDOUR.PluginInfo(), ARDOUR.Track(), false)
      count = count + 1
    end
    ::continue::
  end
  return count, there
end

local function named(marker)
  return (marker.name and marker.name ~= "") and marker.name or marker.id
end

-- Scenes, from marker to marker, as ranges of their names; those that are there already are left as they are.
local function add_scenes(manifest, origin)
  local known, count = {}, 0
  for location in Session:locations():list():iter() do
    known[location:name() .. "@" .. location:start():samples()] = true
  end
  table.sort(manifest.markers, function(a, b) return a.frame < b.frame end)
  for i, marker in ipairs(manifest.markers) do
    local following = manifest.markers[i + 1]
    local start = place(marker.frame, manifest, origin)
    local finish = place(following and following.frame or manifest.story_end_frame or marker.frame, manifest, origin)
    if finish > start and not known[named(marker) .. "@" .. start] then
      local range = Session:locations():add_range(Temporal.timepos_t(start), Temporal.timepos_t(finish))
      range:set_name(named(marker))
      count = count + 1
    end
  end
  return count
end

-- What the action does once it knows the folder; also what tests call without an editor.
function import_story(folder, origin)
  local manifest, why = read_manifest(folder)
  if not manifest then return nil, why end
  local stems, there = 0, 0
  if Editor then stems, there = import_stems(folder, manifest, origin) end
  local told = stems .. " stems, " .. add_scenes(manifest, origin) .. " scenes"
  return there == 0 and told or told .. "; tracks of " .. there .. " stems were there already: take them away to have them anew"
end

function factory() return function()
  local answer = LuaDialog.Dialog("Cuevox: Import Story", {
    { type = "folder", key = "folder", title = "Folder of the export", path = Session:path() },
  }):run()
  if not answer then return end
  local done, why = import_story(answer.folder, Session:transport_sample())
  LuaDialog.Message("Cuevox", done or why, done and LuaDialog.MessageType.Info or LuaDialog.MessageType.Error,
    LuaDialog.ButtonType.Close):run()
end end
